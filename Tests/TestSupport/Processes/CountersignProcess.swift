import Foundation
import Synchronization

/// The real program, serving on free ports from a folder of the test's own.
package final class CountersignProcess: Sendable {
    package let folder: TemporaryFolder
    package let publicPort: Int
    package let operationsPort: Int
    private let process: ChildProcess
    private let hasEnded = Mutex(false)

    /// Starts the service and waits until it listens.
    /// - Parameters:
    ///   - openFiles: the limit that it is started with; nil for that of the tests.
    ///   - most: to which it may raise that limit; nil for no further.
    package static func start(
        _ settings: Settings = Settings(), openFiles: Int? = nil, atMost most: Int? = nil
    ) async throws -> CountersignProcess {
        let folder = try prepare(settings)
        return try await start(in: folder, under: openFiles.map { "ulimit -Sn \($0); ulimit -Hn \(most ?? $0)" } ?? ":")
    }

    /// Starts another replica in a folder that is prepared.
    /// - Parameter command: of the shell that it is started from.
    package static func start(
        in folder: TemporaryFolder, under command: String = ":"
    ) async throws -> CountersignProcess {
        let log = "\(folder.path)/log-\(UUID().uuidString)"
        let process = try ChildProcess.start(
            "/bin/sh",
            ["-c", "\(command); exec \"$0\" serve --config \"$1\"", program, "\(folder.path)/countersign.yaml"],
            output: log)
        var ports: [String: Int] = [:]
        do {
            try await eventually("countersign listens", within: .seconds(15)) {
                ports = listening(try String(contentsOfFile: log, encoding: .utf8))
                guard ports.count < 2, !process.isRunning else { return ports.count == 2 }
                throw ProgramFailure(
                    description: "countersign ended: \(try String(contentsOfFile: log, encoding: .utf8))")
            }
        } catch {
            _ = process.kill()
            throw error
        }
        return CountersignProcess(
            folder: folder, process: process, publicPort: ports["public"] ?? 0, operationsPort: ports["operations"] ?? 0
        )
    }

    /// Starts a service whose log nobody reads for its ports, so they stand in `settings`.
    /// - Parameter log: a file, or a pipe that somebody has opened.
    package static func start(_ settings: Settings, log: String) async throws -> CountersignProcess {
        let folder = try prepare(settings)
        let process = try ChildProcess.start(
            program, ["serve", "--config", "\(folder.path)/countersign.yaml"], output: log)
        let service = CountersignProcess(
            folder: folder, process: process, publicPort: settings.ports.public,
            operationsPort: settings.ports.operations)
        try await eventually("countersign listens", within: .seconds(15)) {
            (try? service.connect()) != nil && (try? service.readiness()) != nil
        }
        return service
    }

    /// Starts the program and waits for nothing.
    package static func launch(in folder: TemporaryFolder) throws -> CountersignProcess {
        let process = try ChildProcess.start(
            program, ["serve", "--config", "\(folder.path)/countersign.yaml"],
            output: "\(folder.path)/log-\(UUID().uuidString)")
        return CountersignProcess(folder: folder, process: process, publicPort: 0, operationsPort: 0)
    }

    private init(folder: TemporaryFolder, process: ChildProcess, publicPort: Int, operationsPort: Int) {
        self.folder = folder
        self.process = process
        self.publicPort = publicPort
        self.operationsPort = operationsPort
    }

    deinit {
        guard !hasEnded.withLock(\.self) else { return }
        LoopGaps.note(self)
        _ = process.kill()
    }

    private static func listening(_ log: String) -> [String: Int] {
        var ports: [String: Int] = [:]
        for line in log.split(separator: "\n") {
            let event = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any] ?? [:]
            if event["message"] as? String == "listening", let name = event["listener"] as? String {
                ports[name] = event["port"] as? Int
            }
        }
        return ports
    }

    package func signal(_ number: CInt) { process.signal(number) }

    package var identifier: Int { Int(process.identifier) }

    /// Files and sockets that are open at the moment.
    package func openFiles() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.identifier)/fd").count
    }

    /// Bytes of memory that were in use at once, at most (`VmHWM`).
    package func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        guard let kibibytes = line?.split(whereSeparator: { " \t".contains($0) }).dropFirst().first.flatMap({ Int($0) })
        else { throw ProgramFailure(description: "no VmHWM in \(status)") }
        return kibibytes << 10
    }

    package var isRunning: Bool { process.isRunning }

    /// Whether the program has come so far that it handles SIGTERM, which no longer kills it.
    package var handlesSignals: Bool {
        let status = (try? String(contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)) ?? ""
        let mask = status.firstMatch(of: /SigCgt:\s*([0-9a-f]+)/).flatMap { UInt64($0.1, radix: 16) } ?? 0
        return mask & 1 << (SIGTERM - 1) != 0
    }

    /// The longest time by which one of its event loops was late.
    package func longestLoopGap() throws -> Duration {
        .seconds(try metric("countersign_event_loop_longest_gap_seconds"))
    }

    /// A metric without labels.
    package func metric(_ name: String) throws -> Double {
        let metrics = try HTTPConnection(port: operationsPort).request("GET", "/metrics").text
        let line = metrics.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        guard let value = line?.split(separator: " ").last.flatMap({ Double($0) }) else {
            throw ProgramFailure(description: "no \(name) in \(metrics)")
        }
        return value
    }

    /// SIGTERM; the exit status.
    package func terminate() async throws -> Int {
        LoopGaps.note(self)
        process.signal(SIGTERM)
        let status = try await exitStatus()
        try LoopGaps.check()
        return status
    }

    /// Waits for the end, that somebody has brought about.
    package func exitStatus(within limit: Duration = .seconds(20)) async throws -> Int {
        try await eventually("countersign ends", within: limit) { !process.isRunning }
        hasEnded.withLock { $0 = true }
        return process.kill()
    }

    /// All that every process in this folder has printed; with what this one has still to write.
    package var log: String {
        var patience = 200
        while patience > 0, isRunning, (try? metric("countersign_log_bytes_waiting")) ?? 0 > 0 {
            usleep(5000)
            patience -= 1
        }
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasPrefix("log-") }
            .compactMap { try? String(contentsOfFile: "\(folder.path)/\($0)", encoding: .utf8) }.joined()
    }

    // MARK: Commands

    /// The program that `swift build` made beside this test bundle; where `COUNTERSIGN` is set, that one.
    package static let program: String = {
        if let path = ProcessInfo.processInfo.environment["COUNTERSIGN"] { return path }
        var folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        while !FileManager.default.isExecutableFile(atPath: folder.appending(path: "countersign").path),
            folder.path != "/"
        {
            folder.deleteLastPathComponent()
        }
        return folder.appending(path: "countersign").path
    }()

    package static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// The interpreter with the independent JWT libraries; `make test` prepares it.
    package static let python = "\(repository)/.build-python/bin/python"
}
