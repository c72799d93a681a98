# What one may do here. Each recipe is one line that also works when pasted without `just`.

# everything fast that CI looks at, and the tests
check: fmt clippy docs tidy arrows test

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets --locked -- -D warnings

docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --document-private-items

# house rules that clippy does not know: cargo run -p xtask -- tidy
tidy:
    cargo run --quiet --locked -p xtask -- tidy

# who may depend on whom
arrows:
    cargo run --quiet --locked -p xtask -- arrows

test:
    cargo test --workspace --locked

# a throw-away server with one published app, on loopback
run:
    cargo run --locked -p whowas -- serve --demo

release:
    cargo build --release --locked -p whowas

# the official SDKs and a real media server against the release binary
conformance: release
    WHOWAS_BIN="$PWD/target/release/whowas" conformance/all

# licences, sources and banned crates (needs cargo-deny)
deny:
    cargo deny --locked check bans licenses sources

# starts, memory, size and requests per second, as a table
figures:
    bench/figures

# events per second through each door, on one core
events:
    bench/events

# from a webhook until ListUserInfo shows it
visible:
    bench/visible

# what a retention pass adds to the latency of requests
retention:
    bench/retention

# how often a room log is wrong, by what its webhooks' queue lost
histories:
    cargo run --release --locked -p whowas-histories

# exactly what CI runs, from a clean checkout
ci:
    bash .ci/run
