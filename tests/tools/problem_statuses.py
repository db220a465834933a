"""The statuses for which the response `default` of an operation stands."""


def put_statuses(document):
    """Puts these statuses in place of `default`, which by itself allows every status."""
    for item in document["paths"].values():
        for operation in item.values():
            common = operation["responses"].pop("default")
            operation["responses"].update({str(status): common for status in operation["x-problem-statuses"]})
