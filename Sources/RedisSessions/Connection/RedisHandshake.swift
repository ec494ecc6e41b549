/// The opening commands of a connection, sent together, and what their replies must be.
package struct RedisHandshake {
    private struct Step {
        /// Without arguments, which may be secret.
        let name: String
        let command: RESPArguments
        let check: (RESPReply) -> ConnectionFault?
    }

    private let steps: [Step]

    /// In the order in which they are sent.
    var commands: [RESPArguments] { steps.map(\.command) }

    /// `password` is nil for a server without.
    package init(_ peer: RedisPeer, password: RedisPassword?) {
        var steps: [Step] = []
        if let password {
            var authentication = RESPArguments("AUTH")
            if let username = peer.credentials.username { authentication.append(username.utf8) }
            authentication.append(password.text.utf8)
            steps.append(Step(name: "AUTH", command: authentication, check: Self.anything))
        }
        func add(_ name: String, _ command: RESPArguments, _ check: @escaping (RESPReply) -> ConnectionFault?) {
            steps.append(Step(name: name, command: command, check: check))
        }
        switch peer.role {
        case .discovery: add("PING", RESPArguments("PING"), Self.anything)
        case .dataNode(let database):
            if database != 0 { add("SELECT", RESPArguments("SELECT", String(database)), Self.anything) }
            add("CLIENT SETNAME", RESPArguments("CLIENT", "SETNAME", "countersign"), Self.anything)
            // What a replica says is late, and it refuses writes.
            add("ROLE", RESPArguments("ROLE"), Self.isMaster)
            add("SCRIPT LOAD", RESPArguments("SCRIPT", "LOAD", ExchangeScript.text), Self.isDigest)
        }
        self.steps = steps
    }

    /// What is wrong with the reply to the command at `index`; nil for nothing.
    func fault(of reply: RESPReply, at index: Int) -> ConnectionFault? {
        let step = steps[index]
        if case .error(let code) = reply { return .refused(code: code, code == "NOPERM" ? step.name : nil) }
        return step.check(reply)
    }

    private static func anything(_: RESPReply) -> ConnectionFault? { nil }

    /// Of a reply to `ROLE`; nil for a master.
    static func isMaster(_ reply: RESPReply) -> ConnectionFault? {
        guard case .array(let parts) = reply, case .bulk(let role) = parts.first else { return .protocolViolated }
        return role.elementsEqual("master".utf8) ? nil : .notMaster
    }

    private static func isDigest(_ reply: RESPReply) -> ConnectionFault? {
        if case .bulk(let digest) = reply, digest.count == 40 { nil } else { .protocolViolated }
    }
}
