/// Reads the claims set of a token whose signature has been found good.
package protocol ClaimsReader: Sendable {
    /// - Parameter names: the top-level claims that anybody will ask for; others are not read.
    /// - Throws: ``ClaimsUnreadable`` where the library cannot read what the scan accepted.
    func claims(_ names: [ExactText], of token: VerifiedToken) throws(ClaimsUnreadable) -> ClaimsSet
}

package struct ClaimsUnreadable: Error {
    package init() {}
}
