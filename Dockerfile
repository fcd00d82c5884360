# An image that takes the place of CoreDNS's: no shell, not root, port 53 by a file capability.
FROM rust:1-bookworm AS build
RUN apt-get update && apt-get install -qy --no-install-recommends libcap2-bin
WORKDIR /src
COPY . .
RUN cargo build --release --locked && cp target/release/catena /catena && strip /catena \
    && setcap cap_net_bind_service=+ep /catena

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /catena /catena
WORKDIR /
EXPOSE 53 53/udp
ENTRYPOINT ["/catena"]
