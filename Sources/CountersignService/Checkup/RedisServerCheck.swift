import RedisSessions
import TokenExchange

/// What one Redis server's own settings mean for sessions: what it forgets, what it keeps on disk, and whom it lets do what.
enum RedisServerCheck {
    static func findings(_ server: RedisInspection) -> [CheckupFinding] {
        let name = server.server.map { "\($0)" } ?? ""
        guard let facts = try? server.facts.get() else {
            let remedy =
                "Ask the server's administrator: maxmemory-policy must be noeviction, appendonly yes. Or allow the user +INFO."
            let detail = "the user may not ask the server (INFO)"
            return ["redis_eviction", "redis_persistence"].map { .warn($0, of: name, detail, remedy: remedy) }
                + [rights(server, name)]
        }
        return [eviction(facts, name), persistence(facts, snapshots: server.snapshots, name), rights(server, name)]
    }

    private static func eviction(_ facts: [String: String], _ name: String) -> CheckupFinding {
        let (policy, limit) = (facts["maxmemory_policy"] ?? "unknown", facts["maxmemory"] ?? "0")
        let remedy = "Set `maxmemory-policy noeviction`: a full server then refuses new sessions, and forgets none."
        if policy == "noeviction" {
            return .pass("redis_eviction", of: name, "noeviction: what was acknowledged stays")
        }
        if limit == "0" {
            return .warn(
                "redis_eviction", of: name, "\(policy.shown), without effect while there is no maxmemory",
                remedy: remedy)
        }
        return .fail(
            "redis_eviction", of: name, "\(policy.shown): a full server forgets sessions and revocations",
            remedy: remedy)
    }

    private static func persistence(_ facts: [String: String], snapshots: String?, _ name: String) -> CheckupFinding {
        let check = "redis_persistence"
        let remedy = "Set `appendonly yes`, or all sessions and revocations end when the server restarts."
        if let failed = ["aof_last_write_status", "rdb_last_bgsave_status"].first(where: { facts[$0] == "err" }) {
            return .fail(
                check, of: name, "the server could not write to its disk (\(failed))",
                remedy: "See its log, and the room on its disk.")
        }
        if facts["aof_enabled"] == "1" { return .pass(check, of: name, "every write is appended to a file") }
        switch snapshots {
        case ""?: return .warn(check, of: name, "nothing is written to disk", remedy: remedy)
        case nil:
            return .warn(
                check, of: name, "no file is appended to; whether there are snapshots the user may not ask",
                remedy: remedy)
        case _?: return .warn(check, of: name, "snapshots alone: what came after the last one is lost", remedy: remedy)
        }
    }

    /// Who may read the settings may change them: `CONFIG` is for administrators.
    private static func rights(_ server: RedisInspection, _ name: String) -> CheckupFinding {
        let user = server.user.map { "user \($0.shown)" } ?? "our user"
        if server.snapshots == nil { return .pass("redis_acl", of: name, "\(user) has no right to CONFIG") }
        return .warn(
            "redis_acl", of: name, "\(user) may do more than is needed (CONFIG)",
            remedy: "Make a user with the rights alone that docs/operations.md lists, and a password.")
    }
}

extension String {
    /// What a server said, on one line and not too long.
    fileprivate var shown: String { ExactText(self).excerpt }
}
