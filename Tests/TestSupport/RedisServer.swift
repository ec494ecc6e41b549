import Foundation
import Synchronization

/// A real `redis-server` of the test's own: on a free port of the loopback interface, nothing kept on disk.
///
/// It dies with the process of the tests, however that ends. Where `redis-server` is not installed, starting throws: a
/// suite that needs it fails, it is never skipped.
package final class RedisServer: Sendable {
    package let port: Int
    package let password: String?
    private let arguments: [String]
    private let process: Mutex<ChildProcess?>

    private init(port: Int, password: String?, arguments: [String], process: ChildProcess?) {
        self.port = port
        self.password = password
        self.arguments = arguments
        self.process = Mutex(process)
    }

    deinit { kill() }

    /// Starts a server and waits until it answers.
    package static func start(password: String? = nil, arguments: [String] = []) async throws -> RedisServer {
        var failure: any Error = RedisServerFailure(description: "never tried")
        // Between finding a free port and binding it, another process may take it.
        for _ in 0..<5 {
            let server = try stopped(password: password, arguments: arguments)
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
        return RedisServer(port: try freePort(), password: password, arguments: all, process: nil)
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
        let started = try ChildProcess.start(
            "redis-server",
            [
                "--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no",
                "--dir", FileManager.default.temporaryDirectory.path, "--loglevel", "warning",
            ] + arguments)
        let identifier = started.identifier
        process.withLock { $0 = started }
        try await eventually("redis-server on port \(port) answers", within: .seconds(10)) {
            guard isRunning else { throw RedisServerFailure(description: "redis-server ended at its start") }
            return (try? answersAs(identifier)) ?? false
        }
    }

    /// A connection of the test's own, to look behind the store's back.
    package func connect() throws -> RawRedisConnection {
        try RawRedisConnection(port: port, password: password)
    }

    /// One command on a connection of its own.
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

    static func freePort() throws -> Int {
        let listener = try LoopbackSocket()
        try listener.bind(port: 0)
        return try listener.port()
    }
}

package struct RedisServerFailure: Error, CustomStringConvertible {
    package let description: String
}
