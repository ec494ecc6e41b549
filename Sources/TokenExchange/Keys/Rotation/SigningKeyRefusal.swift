/// Why a step of a signing key's life is not taken. Names keys and times, and what to do instead.
package enum SigningKeyRefusal: Error, Sendable, Equatable {
    case unknownKey(keyID: ExactText)
    /// The key is in the manifest already.
    case knownKey(keyID: ExactText)
    case revoked(keyID: ExactText)
    /// Verifiers may hold a JWK set without it.
    case publishedTooBriefly(keyID: ExactText, until: UnixTime)
    /// Its time in the JWK set is about to end, or has ended.
    case ending(keyID: ExactText, tokensDieBy: UnixTime)
    /// No other key could sign.
    case onlyKey(keyID: ExactText, SignatureAlgorithm)
    /// The manifest is full.
    case tooManyKeys(limit: Int)
    /// Our clock is behind the last change by more than clocks may be off.
    case clockBehind(now: UnixTime, writtenAt: UnixTime)
}

extension SigningKeyRefusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknownKey(let keyID):
            "expected the kid of a key in the manifest, found \(keyID); see: countersign keys list --config FILE"
        case .knownKey(let keyID): "key \(keyID) is in the manifest already"
        case .revoked(let keyID):
            "key \(keyID) is revoked or withdrawn, for good; make another with: countersign keys generate --config FILE"
        case .publishedTooBriefly(let keyID, let until):
            "key \(keyID) may not sign before \(until.shortText): until then verifiers may hold a JWK set without it; "
                + "wait, or break their logins with --force"
        case .ending(let keyID, let tokensDieBy):
            "key \(keyID) leaves the JWK set at \(tokensDieBy.shortText) and cannot become active again; make another "
                + "with: countersign keys generate --config FILE"
        case .onlyKey(let keyID, let algorithm):
            "key \(keyID) is the only one that can sign \(algorithm.rawValue); make its successor first, with: "
                + "countersign keys generate --algorithm \(algorithm.rawValue) --config FILE"
        case .tooManyKeys(let limit):
            "expected a manifest of fewer than \(limit) keys, found no room for another; take out published keys that "
                + "nobody needs, with: countersign keys retire KID --config FILE. `keys revoke` works meanwhile"
        case .clockBehind(let now, let writtenAt):
            "the clock says \(now.shortText), but the manifest was written at \(writtenAt.shortText). If this clock is "
                + "behind, set it. If the manifest was written by a clock that was ahead, wait until then, or set "
                + "`written_at` in it to the true time by hand; keys wait for the times that stand beside them. "
                + "`keys revoke` works meanwhile"
        }
    }
}
