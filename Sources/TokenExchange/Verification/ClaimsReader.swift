/// Reads the claims set of a token whose signature has been found good.
package protocol ClaimsReader: Sendable {
    /// - Parameters:
    ///   - names: the top-level claims that anybody will ask for; others are not read.
    ///   - claims: the token's claims set, as ``UnverifiedToken`` has scanned it.
    /// - Throws: ``ClaimsUnreadable`` where the library cannot read what the scan accepted.
    func claims(_ names: [ExactText], in claims: JSONObject) throws(ClaimsUnreadable) -> ClaimsSet
}

package struct ClaimsUnreadable: Error {
    package init() {}
}
