import TokenExchange

extension CapacityPlan {
    /// What ``text`` says, as a JSON object. Its names are an interface.
    package var json: String {
        let load = JSONValue.object([
            .number("callbacks_per_second", callbacksPerSecond),
            .number("introspections_per_second", introspectionsPerSecond),
            .number("pages_per_second", pagesPerSecond), .number("connections", connections),
            .number("sessions", sessions),
        ])
        let needs = JSONValue.object([
            .number("replicas", Double(replicas)), .number("replica_cores", replicaCores),
            .number("replica_megabytes", replicaMegabytes), .number("open_files", openFiles),
            .number("redis_masters", Double(masters)), .number("redis_megabytes", redisMegabytes),
            .number("redis_cores", redisCores),
            .number("one_redis_until_stores", min(redisStores.cpu, redisStores.memory)),
        ])
        let limits = limits.map { limit in
            JSONValue.object([
                .init("limit", .string(limit.name)), .number("need", limit.need), .number("room", limit.room),
                .init("remedy", .string(limit.remedy)),
            ])
        }
        let document = JSONValue.object([
            .init("load", load), .init("needs", needs), .init("limits", .array(limits)),
        ])
        return String(decoding: document.indentedText.dropLast(), as: UTF8.self)
    }
}

extension JSONValue.Member {
    fileprivate static func number(_ name: ExactText, _ value: Double) -> Self {
        .init(
            name, .number(literal: value == value.rounded() ? value.figure : "\((value * 10_000).rounded() / 10_000)"))
    }
}
