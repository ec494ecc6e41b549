/// `sessions`: where sessions are kept.
package struct SessionSettings: Sendable, Equatable {
    /// The kind of store, with its settings.
    package enum Store: Sendable, Equatable {
        /// In this process: gone when it ends, unknown to other replicas.
        case memory(MemoryLimits)
        case redis(RedisSettings)
    }

    /// How much a store in memory keeps.
    package struct MemoryLimits: Sendable, Equatable {
        /// Records; an exchange makes two, its session and its answer.
        package let entries: Int
    }

    /// How many sessions of optional providers may wait for the store.
    package struct DeferredLimits: Sendable, Equatable {
        package let entries: Int
        package let bytes: Int
    }

    package let store: Store
    package let deferred: DeferredLimits
    /// Seals the tokens of internal services that replicas share; nil if each process keeps its own.
    package let cacheSecret: Secret?
}

extension SessionSettings {
    private enum StoreName: String, CaseIterable {
        case memory, redis
    }

    /// Every key has a default, except `redis` for that store.
    static func read(_ section: MappingReader) -> SessionSettings? {
        let store = section.value("store", default: StoreName.memory) { $0.choice() }
        let memory = section.section("memory", MemoryLimits.read)
        let deferred = section.section("deferred", DeferredLimits.read)
        let redis = section.optional("redis") { reader in
            reader.mapping { RedisSettings.read($0, isUsed: store == .redis) }
        }
        let cacheSecret = section.optional("cache_secret") { $0.secret(atLeast: 32) }
        guard let deferred else { return nil }
        switch store {
        case .memory:
            return memory.map { SessionSettings(store: .memory($0), deferred: deferred, cacheSecret: cacheSecret) }
        case .redis:
            if section.reader("redis") == nil {
                section.missing("redis", remedy: "`store: redis` needs `redis: { url: … }` beside it.")
            }
            return redis.map { SessionSettings(store: .redis($0), deferred: deferred, cacheSecret: cacheSecret) }
        }
    }
}

extension SessionSettings.MemoryLimits {
    fileprivate static func read(_ section: MappingReader) -> Self? {
        Self(entries: section.value("entries", default: 1_000_000) { $0.integer(in: 2...10_000_000) })
    }
}

extension SessionSettings.DeferredLimits {
    fileprivate static func read(_ section: MappingReader) -> Self? {
        Self(
            entries: section.value("entries", default: 10_000) { $0.integer(in: 1...1_000_000) },
            bytes: section.value("bytes", default: 8 << 20) { $0.integer(in: 4096...(1 << 30)) })
    }
}
