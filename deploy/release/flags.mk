# How release builds are made, for the Makefile and debian/rules: with other flags SwiftPM compiles everything again.
# No debug information: it is five times the program, and whoever looks into one strips it first. Paths that C puts into the program
# are relative, so that it is the same wherever it was built.
RELEASE = -c release -debug-info-format none -Xcc '-ffile-prefix-map=$(CURDIR)=.'
