import Logging
import Synchronization

/// Logs the outages of one server: one line when an outage begins and for each further cause, one when all its
/// connections stand again.
final class ConnectivityLog: Sendable {
    private struct State {
        var connected: Int
        /// The causes told of in the present outage; empty while there is none.
        var outage: Set<String> = []
    }

    private let logger: Logger
    private let connections: Int
    private let state: Mutex<State>

    init(_ logger: Logger, server: RedisAddress, connections: Int) {
        var logger = logger
        logger[metadataKey: "server"] = "\(server)"
        self.logger = logger
        self.connections = connections
        self.state = Mutex(State(connected: 0))
    }

    func opened() {
        let isRestored = state.withLock { state -> Bool? in
            state.connected += 1
            guard state.connected == connections else { return nil }
            defer { state.outage = [] }
            return !state.outage.isEmpty
        }
        switch isRestored {
        case true: logger.notice("Redis connection restored")
        case false: logger.info("Redis connected")
        default: break
        }
    }

    /// - Parameter wasOpen: false where an attempt to connect failed.
    func failed(_ fault: ConnectionFault, wasOpen: Bool) {
        let isNews = state.withLock { state in
            if wasOpen { state.connected -= 1 }
            return state.outage.insert(fault.detail).inserted
        }
        if isNews { logger.warning("Redis not connected", metadata: ["cause": "\(fault.detail)"]) }
    }
}
