import Foundation
import TestSupport
import Testing

/// What the machine keeps from the program, and what it says then: one line, with what to do.
@Suite struct StartUpHindranceTests {
    private typealias Settings = CountersignProcess.Settings
    private typealias Result = CountersignProcess.CommandResult

    /// Runs the program with variables of the environment, as a user without rights if it says so.
    private func run(_ variables: String = "", asNobody: Bool = false, _ arguments: String...) async throws -> Result {
        let nobody = asNobody && getuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : ""
        return try await CountersignProcess.run(
            "/bin/sh", ["-c", "\(variables) exec \(nobody)\"$0\" \"$@\"", CountersignProcess.program] + arguments)
    }

    @Test func saysHowToMakeAConfigurationThatIsNotThere() async throws {
        let folder = TemporaryFolder()
        let file = "\(folder.path)/countersign.yaml"
        let expected =
            "\(file): expected a readable file, found \(file): No such file or directory. Name the file with --config, or make "
            + "a first one: `countersign init --config FILE`.\n"
        for command in ["serve", "check-config", "health"] {
            let result = try await run("", command, "--config", file)
            #expect(result.status == 1 && result.output == expected, "\(result.output)")
        }
        let result = try await run("export COUNTERSIGN_CONFIG='\(file)';", "serve")
        #expect(result.status == 1)
        #expect(
            result.output
                == expected + "The configuration is \(file), as COUNTERSIGN_CONFIG names it.\n", "\(result.output)")
    }

    @Test func saysWhoMayNotReadTheConfigurationOrTheKeys() async throws {
        let folder = try CountersignProcess.prepare(Settings())
        let file = "\(folder.path)/countersign.yaml"
        chmod(folder.path, 0o755)
        chmod("\(folder.path)/signing", 0)
        let keys = try await run(asNobody: true, "serve", "--config", file)
        #expect(keys.status == 1)
        #expect(
            keys.output.contains(
                "signing.directory: \(folder.path)/signing: cannot list the directory: Permission denied; let"),
            "\(keys.output)")
        chmod(file, 0)
        let configuration = try await run(asNobody: true, "serve", "--config", file)
        #expect(configuration.status == 1)
        #expect(
            configuration.output
                == "\(file): expected a readable file, found \(file): Permission denied. Let the user who runs this read it, by "
                + "its group (chgrp, chmod 640), and enter its folder.\n", "\(configuration.output)")
    }

    @Test func saysWhereNothingCanBeWritten() async throws {
        let folder = try CountersignProcess.prepare(Settings())
        chmod(folder.path, 0o755)
        let file = "\(folder.path)/new.yaml"
        let made = try await run(
            asNobody: true, "init", "--realm", "acme", "--public-url", "http://127.0.0.1:8080", "--config", file)
        #expect(made.status == 1)
        #expect(
            made.output.contains(
                "\(file): expected a place where a file can be written, found none (\(folder.path): Permission denied). Name one"
            ),
            "\(made.output)")
        // A file system that nobody can write to, whoever asks.
        let fixed = try await run(
            "", "init", "--realm", "acme", "--public-url", "http://127.0.0.1:8080", "--config", "/proc/x.yaml")
        #expect(fixed.status == 1)
        #expect(fixed.output.contains("/proc/x.yaml: expected a place where a file can be written"), "\(fixed.output)")
    }

    /// An image has none.
    @Test func makesAConfigurationWithoutAFolderForTemporaryFiles() async throws {
        let folder = TemporaryFolder()
        let made = try await run(
            "export TMPDIR='\(folder.path)/none';", "init", "--realm", "acme", "--config", "\(folder.path)/new.yaml")
        #expect(made.status == 0, "\(made.output)")
    }

    // MARK: Libraries

    /// Makes a shared library in a folder of its own.
    private func library(_ name: String, _ source: String) async throws -> TemporaryFolder {
        let folder = TemporaryFolder()
        let file = try folder.write("library.c", source)
        let made = try await CountersignProcess.run(
            "clang", ["-shared", "-fPIC", "-Wl,-soname,\(name)", file, "-o", "\(folder.path)/\(name)"])
        try #require(made.status == 0, "\(made.output)")
        return folder
    }

    @Test func refusesAnOpenSSLThatItWasNotBuiltWith() async throws {
        let folder = try CountersignProcess.prepare(Settings())
        let other = try await library("libother.so", "unsigned long OpenSSL_version_num(void) { return 0x20000000L; }")
        for command in ["serve", "check-config"] {
            let result = try await run(
                "LD_PRELOAD='\(other.path)/libother.so'", command, "--config", "\(folder.path)/countersign.yaml")
            #expect(result.status == 1)
            #expect(
                result.output.contains(
                    /^expected OpenSSL 3\.\d+ or a newer 3\.x, which this program was built with, found 2\.0;/),
                "\(result.output)")
            #expect(result.output.split(separator: "\n").count == 1)
        }
    }

    /// The loader speaks then, before the program can.
    @Test func endsAtTheStartWithALibraryThatLacksSomething() async throws {
        for library in ["libjwt.so.0", "libhiredis.so.0.14"] {
            let empty = try await self.library(library, "int nothing;")
            let result = try await run("LD_LIBRARY_PATH='\(empty.path)'", "--version")
            #expect(result.status == 127, "\(result.output)")
            #expect(result.output.split(separator: "\n").count == 1 && result.output.contains("undefined symbol: "))
        }
    }
}
