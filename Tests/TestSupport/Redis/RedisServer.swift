import Foundation
import Synchronization

/// A real `redis-server` of the test's own: on a free port of the loopback interface, nothing kept on disk.
///
/// It dies with the process of the tests, however that ends. Where `redis-server` is not installed, starting throws: a
/// suite that needs it fails, it is never skipped.
package final class RedisServer: Sendable {
    package let port: Int
    package let password: String?
    private let mode: Mode
    /// The server's own, so that it finds no other's dump.
    private let folder = TemporaryFolder()
    private let process: Mutex<ChildProcess?>

    private enum Mode {
        case server(arguments: [String])
        /// Sentinel writes what it learns into its file.
        case sentinel(file: String)
    }

    private init(port: Int, password: String?, mode: Mode, process: ChildProcess?) {
        self.port = port
        self.password = password
        self.mode = mode
        self.process = Mutex(process)
    }

    deinit { kill() }

    /// Starts a server and waits until it answers.
    package static func start(password: String? = nil, arguments: [String] = []) async throws -> RedisServer {
        try await start { try stopped(password: password, arguments: arguments) }
    }

    /// Starts a sentinel and waits until it answers.
    /// - Parameter file: its configuration, which it will write into.
    static func start(sentinel file: String) async throws -> RedisServer {
        try await start {
            RedisServer(port: try freeLoopbackPort(), password: nil, mode: .sentinel(file: file), process: nil)
        }
    }

    private static func start(_ make: () throws -> RedisServer) async throws -> RedisServer {
        var failure: any Error = ProgramFailure(description: "never tried")
        // Between finding a free port and binding it, another process may take it.
        for _ in 0..<5 {
            let server = try make()
            do {
                try await server.restart()
                return server
            } catch { failure = error }
        }
        throw failure
    }

    /// A server that has a port but does not run yet; ``restart()`` starts it.
    package static func stopped(password: String? = nil, arguments: [String] = []) throws -> RedisServer {
        var all = arguments
        if let password { all += ["--requirepass", password] }
        return RedisServer(
            port: try freeLoopbackPort(), password: password, mode: .server(arguments: all), process: nil)
    }

    /// SIGKILL; returns when the process is gone.
    package func kill() {
        process.withLock { process in
            process?.kill()
            process = nil
        }
    }

    /// SIGSTOP: connections stay open, and nothing is answered.
    package func stop() { process.withLock { $0?.signal(SIGSTOP) } }

    /// SIGCONT.
    package func resume() { process.withLock { $0?.signal(SIGCONT) } }

    /// Kills the server if it runs, starts an empty one on the same port, and waits until it answers.
    package func restart() async throws {
        kill()
        let started = try ChildProcess.start("redis-server", words)
        let identifier = started.identifier
        process.withLock { $0 = started }
        try await eventually("redis-server on port \(port) answers", within: .seconds(10)) {
            guard isRunning else { throw ProgramFailure(description: "redis-server ended at its start") }
            return (try? answersAs(identifier)) ?? false
        }
    }

    private var words: [String] {
        let place = ["--bind", "127.0.0.1", "--port", String(port), "--loglevel", "warning"]
        return switch mode {
        case .server(let arguments):
            place + ["--save", "", "--appendonly", "no", "--dir", folder.path]
                + arguments
        case .sentinel(let file): [file, "--sentinel"] + place
        }
    }

    /// A connection of the test's own, to look behind the store's back.
    package func connect() throws -> RawRedisConnection {
        try RawRedisConnection(port: port, password: password)
    }

    /// One command on a new connection.
    @discardableResult
    package func command(_ words: String...) throws -> RawReply {
        try connect().send(words.map { Array($0.utf8) })
    }

    private var isRunning: Bool { process.withLock { $0?.isRunning ?? false } }

    /// Whether the server on the port is ours, and not that of another test that took the port first.
    private func answersAs(_ identifier: pid_t) throws -> Bool {
        guard case .bulk(let information) = try command("INFO", "server") else { return false }
        return String(decoding: information, as: UTF8.self).contains("process_id:\(identifier)\r\n")
    }
}
