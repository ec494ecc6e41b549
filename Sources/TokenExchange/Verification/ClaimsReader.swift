/// Reads the claims set of a token whose signature has been found good.
package protocol ClaimsReader: Sendable {
    /// - Parameters:
    ///   - names: the top-level claims that anybody will ask for; others are not read.
    ///   - payload: the token's second segment, base64url; it has passed ``UnverifiedToken``'s scan.
    /// - Throws: ``ClaimsUnreadable`` where the library cannot read what the scan accepted.
    func claims(_ names: [String], in payload: ArraySlice<UInt8>) throws(ClaimsUnreadable) -> ClaimsSet
}

package struct ClaimsUnreadable: Error {
    package init() {}
}
