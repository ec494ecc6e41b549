/// Reads the claims of a token whose signature is good.
package protocol ClaimsReader: Sendable {
    /// - Parameter names: the top-level claims to read, each once; there are no others in the result.
    /// - Throws: ``ClaimsUnreadable`` if the library cannot read what ``JSONScanner`` accepted.
    func claims(_ names: [ExactText], of token: VerifiedToken) throws(ClaimsUnreadable) -> ClaimsSet
}

/// The library cannot read claims that the strict scan accepted; becomes ``Refusal/claimsUnreadable``.
package struct ClaimsUnreadable: Error {
    package init() {}
}
