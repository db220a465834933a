# Builds the one binary and puts it into an image that has nothing else to run.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /plenary
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY benches benches
COPY migrations migrations
COPY src src
RUN cargo build --release --locked --bin plenary

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin plenary && mkdir /data && chown plenary /data
COPY --from=build /plenary/target/release/plenary /usr/local/bin/plenary
USER 10001
VOLUME /data
ENV PLENARY_LISTEN=0.0.0.0:8080 PLENARY_DATABASE_URL=/data/plenary.db PLENARY_SEARCH__FOLDER=/data/search PLENARY_LOG__FORMAT=json
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["plenary", "healthcheck"]
ENTRYPOINT ["plenary"]
CMD ["serve"]
