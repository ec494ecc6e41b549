import Logging
import Synchronization

/// Logs the outages of one server: one line when an outage begins and for each further cause, one when all its
/// connections are open again.
final class ConnectivityLog: Sendable {
    private struct State {
        /// Connections that take commands and are not silent.
        var connected = 0
        /// The causes logged in the present outage; empty while there is none.
        var outage: Set<String> = []
        var wasComplete = false
    }

    private let logger: Logger
    private let connections: Int
    private let state = Mutex(State())

    /// `connections` is how many there are to the server when all are open.
    init(_ logger: Logger, server: RedisAddress, connections: Int) {
        var logger = logger
        logger[metadataKey: "server"] = "\(server)"
        self.logger = logger
        self.connections = connections
    }

    /// A connection takes commands, or one that was silent has spoken again.
    func opened() {
        let line = state.withLock { state -> (Logger.Level, Logger.Message)? in
            state.connected += 1
            guard state.connected == connections else { return nil }
            defer { (state.outage, state.wasComplete) = ([], true) }
            if !state.outage.isEmpty { return (.notice, "Redis connection restored") }
            return state.wasComplete ? nil : (.info, "Redis connected")
        }
        if let (level, message) = line { logger.log(level: level, message) }
    }

    /// A short silence is no outage, and not logged.
    func fellSilent() { state.withLock { $0.connected -= 1 } }

    /// - Parameter wasOpen: false if an attempt to connect failed, or the connection was silent.
    func failed(_ fault: ConnectionFault, wasOpen: Bool) {
        let isNews = state.withLock { state in
            if wasOpen { state.connected -= 1 }
            return state.outage.insert(fault.detail).inserted
        }
        if isNews { logger.warning("Redis not connected", metadata: ["cause": "\(fault.detail)"]) }
    }
}
