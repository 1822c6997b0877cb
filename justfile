# What CI runs, recipe by recipe; `just` alone lists them.

# List the recipes.
default:
    @just --list

# Everything that CI checks, in its order.
ci: fmt clippy doc deny test

# The source is formatted.
fmt:
    cargo fmt --check

# No lint is left, in any target.
clippy:
    cargo clippy --locked --all-targets -- -D warnings

# The documentation builds without a warning.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

# Licences, bans and sources of all dependencies.
deny:
    cargo deny --all-features check licenses bans sources

# All tests; builds the control plane on first use.
test:
    cargo test --locked

# The sample platform, without cluster and network.
demo:
    cargo run --locked -- demo

# Figures: objects per second on one core.
bench:
    cargo bench --locked --bench compare

# Figures: a check against the bare list on a real API server, its memory, and a diff.
bench-check:
    cargo bench --locked --bench check

# Figures: sweeps over many rendered environments of one repository against the official programs alone.
bench-environments count="200":
    DRIFTD_BENCH_ENVIRONMENTS={{count}} cargo bench --locked --bench environments

# Fuzz the YAML reader for some minutes.
fuzz seconds="300":
    DRIFTD_FUZZ_SECONDS={{seconds}} cargo test --locked --release --test it yaml_fuzz -- --nocapture

# Write the expected values of the YAML corpus anew, by the Go library.
yaml-expected:
    cd tests/controlplane/yaml && go run . ../../yaml

# Write the README's table of series anew, from the code.
series:
    DRIFTD_WRITE=1 cargo test --locked --test it the_readme_has_the_series_of_the_code

# Write what the built-in kinds know of themselves anew, from the Go types.
facts:
    cd tests/controlplane/kubernetes && go run ./facts -o ../../../src/drift/kubernetes.jsonl

# Random objects and changes on a real API server, for as many cases as wanted; `DRIFTD_SEED` repeats a run.
property cases="20000":
    DRIFTD_SEED="${DRIFTD_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}" DRIFTD_CASES={{cases}} cargo test --locked --test it property:: -- --nocapture

# Random histories of two environment branches, with git as the oracle; `DRIFTD_SEED` repeats a run.
histories cases="500":
    DRIFTD_SEED="${DRIFTD_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}" DRIFTD_CASES={{cases}} cargo test --locked --test it promotion::histories -- --nocapture

# The daemon killed by SIGKILL at random moments while drift comes and goes; `DRIFTD_SEED` repeats a run.
kills kills="200":
    DRIFTD_SEED="${DRIFTD_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}" DRIFTD_KILLS={{kills}} cargo test --locked --test it ship::history::kill -- --nocapture

# A repository of 1 GB history and 50,000 files behind a real server, fetched and read; takes some minutes and 4 GB of disk.
large history="1024" files="50000":
    DRIFTD_HISTORY_MB={{history}} DRIFTD_FILES={{files}} cargo test --locked --test it git::large -- --nocapture

# A storm of changes, deployments, force-pushes and faults over a running daemon; `DRIFTD_SEED` repeats a run.
soak seconds="1800":
    DRIFTD_SEED="${DRIFTD_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}" DRIFTD_SOAK_SECONDS={{seconds}} cargo test --locked --test it ship::soak -- --nocapture
