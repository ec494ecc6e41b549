/// The opening commands of a connection, sent together, and what their replies must be.
package struct RedisHandshake {
    let commands: [RESPArguments]
    private let checks: [(RESPReply) -> ConnectionFault?]

    package init(_ peer: RedisPeer, password: RedisPassword?) {
        var steps: [(RESPArguments, (RESPReply) -> ConnectionFault?)] = []
        if let password {
            var authentication = RESPArguments("AUTH")
            if let username = peer.credentials.username { authentication.append(username.utf8) }
            authentication.append(password.text.utf8)
            steps.append((authentication, Self.anything))
        }
        switch peer.role {
        case .guide: steps.append((RESPArguments("PING"), Self.anything))
        case .records(let database):
            if database != 0 { steps.append((RESPArguments("SELECT", String(database)), Self.anything)) }
            steps.append((RESPArguments("CLIENT", "SETNAME", "countersign"), Self.anything))
            // What a replica tells is late, and what it is told it refuses.
            steps.append((RESPArguments("ROLE"), Self.isMaster))
            steps.append((RESPArguments("SCRIPT", "LOAD", ExchangeScript.text), Self.isDigest))
        }
        commands = steps.map(\.0)
        checks = steps.map(\.1)
    }

    /// What is wrong with the reply to the command at `index`; nil for nothing.
    func fault(of reply: RESPReply, at index: Int) -> ConnectionFault? {
        if case .error(let code) = reply { return .refused(code: code) }
        return checks[index](reply)
    }

    private static func anything(_: RESPReply) -> ConnectionFault? { nil }

    /// Of a reply to `ROLE`; nil for a master.
    static func isMaster(_ reply: RESPReply) -> ConnectionFault? {
        guard case .array(let parts) = reply, case .bulk(let role) = parts.first else { return .protocolViolated }
        return role.elementsEqual("master".utf8) ? nil : .notMaster
    }

    private static func isDigest(_ reply: RESPReply) -> ConnectionFault? {
        if case .bulk = reply { nil } else { .protocolViolated }
    }
}
