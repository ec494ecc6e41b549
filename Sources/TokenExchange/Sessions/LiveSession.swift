/// The session of an external identity that is good.
package struct LiveSession: Sendable, Equatable, Redacted {
    package let record: SessionRecord
    /// The claims of a JWT, which carries the mapped claims itself; nil for other tokens, whose record has them.
    package let tokenClaims: JSONObject?
}
