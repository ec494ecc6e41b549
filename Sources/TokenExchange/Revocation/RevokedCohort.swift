/// Whose sessions have just been ended together, for those who report it.
package struct RevokedCohort: Sendable {
    package let cohort: Cohort
    /// Sessions issued until then; nil for a compromised key, all of whose tokens are revoked, whenever it signs them.
    package let issuedBefore: UnixTime?

    package init(cohort: Cohort, issuedBefore: UnixTime?) {
        self.cohort = cohort
        self.issuedBefore = issuedBefore
    }
}
