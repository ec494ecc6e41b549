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

    private let tenants = Mutex<[ExactText: KnownShapes]>([:])
    private let tell: @Sendable (Change) -> Void

    /// - Parameter tell: called once for each change.
    package init(tell: @escaping @Sendable (Change) -> Void = { _ in }) {
        self.tell = tell
    }

    /// - Parameter jws: what `token` was verified from.
    func observe(_ token: VerifiedToken, of jws: CompactJWS, tenant: ExactText) {
        let digest = TokenShape.digest(of: token, jws)
        if tenants.withLock({ $0[tenant]?.counts(digest) ?? false }) { return }
        let shape = TokenShape(token, jws)
        let news = tenants.withLock { tenants in
            let known = tenants[tenant] ?? KnownShapes()
            tenants[tenant] = known
            return known.news(in: shape, digest)
        }
        guard let news else { return }
        tell(Change(tenant: tenant, new: news.traits, missing: news.missing, keyCount: news.keyCount))
    }

    /// How often the shape has changed, for each tenant that has had a genuine token.
    package var changeCounts: [(tenant: ExactText, count: Int)] {
        tenants.withLock { $0.map { ($0.key, $0.value.changeCount) } }
    }
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

    /// The same for tokens of the same shape. May also differ for these, by how names are escaped.
    static func digest(of token: VerifiedToken, _ jws: CompactJWS) -> Int {
        // A sum, because the order of claims makes no difference.
        var sum: UInt64 = 0
        token.claims.forEachMember { name, value in
            // Null counts as absent.
            if value.first == UInt8(ascii: "n") { return }
            var digest = name.mixed(into: seed)
            if digest == party || digest == kind { digest = value.mixed(into: digest) }
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

    private static let seed = UInt64.random(in: .min ... .max)
    private static let party = ExactText("azp").withUTF8 { $0.mixed(into: seed) }
    private static let kind = ExactText("typ").withUTF8 { $0.mixed(into: seed) }
}

extension UnsafeBufferPointer<UInt8> {
    /// Goes on with a digest by FNV-1a, which is quick for short texts.
    fileprivate func mixed(into digest: UInt64) -> UInt64 {
        reduce(digest) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}

/// What is known of one tenant's tokens. Bounded, whatever the issuer puts into them. A class, because to change a value
/// within a dictionary allocates.
private final class KnownShapes {
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
    private var tokenCount = 0
    private(set) var changeCount = 0

    /// Counts a token of a known shape; false for an unknown one.
    func counts(_ digest: Int) -> Bool {
        guard let population = digests[digest] else { return false }
        count(population)
        return true
    }

    private func count(_ population: Int) {
        if tokenCount < Self.lessons { tokenCount += 1 }
        if let known = populations[population]?.tokenCount, known < Self.lessons {
            populations[population]?.tokenCount = known + 1
        }
    }

    /// Learns a shape; nil if nothing about it is a change.
    func news(
        in shape: TokenShape, _ digest: Int
    ) -> (traits: [TokenShapes.Trait], missing: [ExactText], keyCount: Int)? {
        let isTaught = tokenCount >= Self.lessons
        let new = shape.traits.filter { learns($0.trait, $0.digest) }
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
    private func learns(_ trait: TokenShapes.Trait, _ value: Int?) -> Bool {
        guard values[trait]?.count ?? 0 < Self.valueLimit else { return false }
        return values[trait, default: []].insert(value).inserted
    }

    /// The claims that all tokens of its population had, and it has not; they are no longer expected.
    private func learns(_ shape: TokenShape) -> Set<ExactText> {
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
