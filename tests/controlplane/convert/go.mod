module driftd.io/tests/controlplane/convert

go 1.26.0
