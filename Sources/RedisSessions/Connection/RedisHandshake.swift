/// The opening commands of a connection, sent together; the script's digest is the last one's reply.
struct RedisHandshake {
    let commands: [RESPArguments]

    init(_ configuration: RedisConfiguration, password: RedisPassword?, script: String) {
        var commands = [RESPArguments]()
        if let password {
            var authentication = RESPArguments("AUTH")
            if let username = configuration.username { authentication.append(username.utf8) }
            authentication.append(password.text.utf8)
            commands.append(authentication)
        }
        commands.append(RESPArguments("SELECT", String(configuration.database)))
        commands.append(RESPArguments("CLIENT", "SETNAME", "countersign"))
        commands.append(RESPArguments("SCRIPT", "LOAD", script))
        self.commands = commands
    }
}
