import Synchronization

/// Notices when the shape of a tenant's genuine tokens changes: which claims they have, who they are issued to, of what
/// kind they are and how they are signed. Such a change at the issuer is often the first sign of a login that will fail.
///
/// What is known is a digest of each shape, so a login whose shape is known costs one pass over the names of its claims
/// and one look under a lock, and allocates nothing. No value is kept.
package final class TokenShapes: Sendable {
    /// What is new about a token.
    package struct Change: Sendable, Equatable {
        package let tenant: ExactText
        /// Traits with a value that no token had before.
        package let new: [Trait]
        /// Claims that every token of this kind and party had until now, sorted.
        package let missing: [ExactText]
        /// How many keys have signed tokens.
        package let keyCount: Int

        package init(tenant: ExactText, new: [Trait], missing: [ExactText], keyCount: Int) {
            self.tenant = tenant
            self.new = new
            self.missing = missing
            self.keyCount = keyCount
        }
    }

    /// A trait of which every tenant has few values.
    package enum Trait: String, Sendable, CaseIterable {
        case party = "azp"
        case kind = "typ"
        case headerType = "header_typ"
        case algorithm = "alg"
        case keyID = "kid"
    }

    private let tenants = Mutex<[ExactText: TenantShapes]>([:])
    private let tell: @Sendable (Change) -> Void

    /// - Parameter tell: called once for each change.
    package init(tell: @escaping @Sendable (Change) -> Void = { _ in }) {
        self.tell = tell
    }

    /// Those of one tenant, the same each time.
    func of(_ tenant: ExactText) -> TenantShapes {
        tenants.withLock { tenants in
            let shapes = tenants[tenant] ?? TenantShapes(tenant, tell: tell)
            tenants[tenant] = shapes
            return shapes
        }
    }

    /// How often the shape has changed, for each tenant that has had a genuine token.
    package var changeCounts: [(tenant: ExactText, count: Int)] {
        tenants.withLock { $0.compactMap { tenant, shapes in shapes.changeCount.map { (tenant, $0) } } }
    }
}

/// The shapes of one tenant's tokens.
final class TenantShapes: Sendable {
    private let tenant: ExactText
    private let known = Mutex(KnownShapes())
    private let tell: @Sendable (TokenShapes.Change) -> Void

    fileprivate init(_ tenant: ExactText, tell: @escaping @Sendable (TokenShapes.Change) -> Void) {
        self.tenant = tenant
        self.tell = tell
    }

    /// - Parameter jws: what `token` was verified from.
    func observe(_ token: VerifiedToken, of jws: CompactJWS) {
        let digest = TokenShape.digest(of: token, jws)
        if known.withLock({ $0.counts(digest) }) { return }
        let shape = TokenShape(token, jws)
        guard let news = known.withLock({ $0.news(in: shape, digest) }) else { return }
        tell(.init(tenant: tenant, new: news.traits, missing: news.missing, keyCount: news.keyCount))
    }

    /// Nil before the first token.
    fileprivate var changeCount: Int? { known.withLock { $0.tokenCount > 0 ? $0.changeCount : nil } }
}

/// The shape of one token. Digests differ from one run of the process to the next.
private struct TokenShape {
    /// Sorted like the cases; nil if the token has none.
    let traits: [(trait: TokenShapes.Trait, digest: Int?)]
    let claims: Set<ExactText>

    init(_ token: VerifiedToken, _ jws: CompactJWS) {
        func digest(_ claim: ExactText) -> Int? { token.has(claim) ? token.claims[claim]?.text.hashValue : nil }
        traits = TokenShapes.Trait.allCases.map { trait in
            switch trait {
            case .party: (trait, digest("azp"))
            case .kind: (trait, digest("typ"))
            case .headerType: (trait, jws.type?.hashValue)
            case .algorithm: (trait, jws.algorithm.hashValue)
            case .keyID: (trait, jws.keyID?.hashValue)
            }
        }
        claims = Set(token.claims.names.filter(token.has))
    }

    /// Whose claims are compared: tokens of another kind, or for another client, have others.
    var population: Int { traits.prefix(2).map(\.digest).hashValue }

    /// The same for tokens of the same shape. May also differ for these, by how values are escaped.
    static func digest(of token: VerifiedToken, _ jws: CompactJWS) -> Int {
        let (party, kind) = (ExactText("azp").withUTF8(\.quickHash), ExactText("typ").withUTF8(\.quickHash))
        // A sum, because the order of claims makes no difference.
        var sum: UInt64 = 0
        token.claims.forEachMember { name, value in
            // Null counts as absent.
            if value.first == UInt8(ascii: "n") { return }
            var digest = name == party || name == kind ? name ^ value.quickHash : name
            // Without this, names that share letters could make up for one another in the sum.
            digest = (digest ^ digest >> 32) &* 0x9E37_79B9_7F4A_7C15
            sum &+= digest ^ digest >> 29
        }
        var hasher = Hasher()
        hasher.combine(sum)
        hasher.combine(jws.type)
        hasher.combine(jws.algorithm)
        hasher.combine(jws.keyID)
        return hasher.finalize()
    }
}

/// What is known of one tenant's tokens. Bounded, whatever the issuer puts into them.
private struct KnownShapes {
    /// Tokens that teach what is usual, before anything counts as a change.
    private static let lessons = 10
    /// Of each trait; further ones are not told.
    private static let valueLimit = 64
    private static let populationLimit = 16
    /// Forgotten all at once, which costs each shape one closer look.
    private static let digestLimit = 256

    private struct Population {
        var tokenCount = 0
        /// Claims that all tokens had.
        var claims: Set<ExactText>
    }

    /// The population of each.
    private var digests: [Int: Int] = [:]
    private var populations: [Int: Population] = [:]
    private var values: [TokenShapes.Trait: Set<Int?>] = [:]
    private(set) var tokenCount = 0
    private(set) var changeCount = 0

    /// Counts a token of a known shape; false for an unknown one.
    mutating func counts(_ digest: Int) -> Bool {
        guard let population = digests[digest] else { return false }
        count(population)
        return true
    }

    private mutating func count(_ population: Int) {
        if tokenCount < Self.lessons { tokenCount += 1 }
        if let known = populations[population]?.tokenCount, known < Self.lessons {
            populations[population]?.tokenCount = known + 1
        }
    }

    /// Learns a shape; nil if nothing about it is a change.
    mutating func news(
        in shape: TokenShape, _ digest: Int
    ) -> (traits: [TokenShapes.Trait], missing: [ExactText], keyCount: Int)? {
        let isTaught = tokenCount >= Self.lessons
        var new: [(trait: TokenShapes.Trait, digest: Int?)] = []
        for trait in shape.traits where learns(trait.trait, trait.digest) { new.append(trait) }
        var missing = learns(shape)
        count(shape.population)
        if digests.count == Self.digestLimit { digests.removeAll(keepingCapacity: true) }
        digests[digest] = shape.population
        guard isTaught else { return nil }
        // What is gone is no new value.
        let gone = new.filter { $0.digest == nil && $0.trait != .keyID && $0.trait != .headerType }
        missing.formUnion(gone.map { ExactText($0.trait.rawValue) })
        let traits = new.map(\.trait).filter { trait in !gone.contains { $0.trait == trait } }
        if traits.isEmpty, missing.isEmpty { return nil }
        changeCount += 1
        return (traits, missing.sorted(), values[.keyID]?.count ?? 0)
    }

    /// True for a value that is new.
    private mutating func learns(_ trait: TokenShapes.Trait, _ value: Int?) -> Bool {
        guard values[trait]?.count ?? 0 < Self.valueLimit else { return false }
        return values[trait, default: []].insert(value).inserted
    }

    /// The claims that all tokens of its population had, and it has not; they are no longer expected.
    private mutating func learns(_ shape: TokenShape) -> Set<ExactText> {
        guard let known = populations[shape.population] else {
            if populations.count < Self.populationLimit {
                populations[shape.population] = Population(claims: Set(shape.claims.map(\.detached)))
            }
            return []
        }
        let missing = known.claims.subtracting(shape.claims)
        populations[shape.population]?.claims.subtract(missing)
        return known.tokenCount >= Self.lessons ? missing : []
    }
}
