/// What stands behind an external identity that is good.
package struct LiveSession: Sendable, Equatable, Redacted {
    package let record: SessionRecord
    /// The claims set of a JWT, which carries the mapped claims itself; nil for an opaque token, whose record does.
    package let tokenClaims: JSONObject?
}
