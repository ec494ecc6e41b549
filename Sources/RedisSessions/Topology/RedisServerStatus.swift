/// What is known of one server without asking it, for operators.
package struct RedisServerStatus: Sendable {
    /// What the server is to us.
    package enum Role: String, Sendable {
        /// Keeps records.
        case master
        /// Names the master.
        case sentinel
        /// A member of the cluster that names its masters.
        case member
    }

    package let role: Role
    package let address: RedisAddress
    /// Connections that take commands now.
    package let connected: Int
    /// Connections that there should be.
    package let connections: Int

    init(_ node: RedisNode, _ role: Role) {
        self.role = role
        address = node.address
        (connected, connections) = node.connectionCounts
    }
}
