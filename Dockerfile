# Two images. The first, which `docker build .` makes, has every engine:
#
#   docker build -t fastlike .
#   docker run --rm -p 7676:7676 -v "$PWD:/app" fastlike --addr 0.0.0.0:7676 /app/app.wasm
#
# The other has the interpreter alone, as one static file in an otherwise empty image:
#
#   docker build -t fastlike:minimal --target minimal .

FROM rust:1.95-alpine AS static
RUN apk add --no-cache build-base ca-certificates
WORKDIR /src
COPY . .
RUN cargo build --locked --profile dist --package fastlike --no-default-features --features wasmi

FROM scratch AS minimal
COPY --from=static /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=static /src/target/dist/fastlike /fastlike
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
EXPOSE 7676
ENTRYPOINT ["/fastlike"]

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --profile dist --package fastlike

FROM debian:bookworm-slim AS default
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/dist/fastlike /usr/local/bin/fastlike
EXPOSE 7676
ENTRYPOINT ["fastlike"]
