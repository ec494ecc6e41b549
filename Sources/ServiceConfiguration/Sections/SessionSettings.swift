package struct SessionSettings: Sendable {
    package enum Store: Sendable {
        /// In this process: gone when it ends, unknown to other replicas.
        case memory(MemoryLimits)
        case redis(RedisSettings)
    }

    package struct MemoryLimits: Sendable, Equatable {
        /// Records, of which an exchange leaves two: its session and its answer.
        package let entries: Int
    }

    package let store: Store
}

extension SessionSettings {
    private enum StoreName: String, CaseIterable {
        case memory, redis
    }

    static func read(_ section: MappingReader) -> SessionSettings? {
        let store = section.value("store", default: StoreName.memory) { $0.choice() }
        let memory = section.section("memory", MemoryLimits.read)
        let redis = section.optional("redis") { reader in
            reader.mapping { RedisSettings.read($0, isUsed: store == .redis) }
        }
        switch store {
        case .memory: return memory.map { SessionSettings(store: .memory($0)) }
        case .redis:
            if section.reader("redis") == nil {
                section.missing("redis", remedy: "`store: redis` needs `redis: { url: … }` beside it.")
            }
            return redis.map { SessionSettings(store: .redis($0)) }
        }
    }
}

extension SessionSettings.MemoryLimits {
    fileprivate static func read(_ section: MappingReader) -> Self? {
        Self(entries: section.value("entries", default: 1_000_000) { $0.integer(in: 2...10_000_000) })
    }
}
