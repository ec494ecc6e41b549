/// Sessions that have something in common, by which they can be ended together.
package struct Cohort: Sendable, Hashable, Redacted {
    /// What the sessions have in common. Raw values are stored.
    package enum Kind: String, Sendable, CaseIterable {
        /// The `sub` of identity tokens of any tenant.
        case subject
        case device
        case tenant
        case identityProvider = "identity_provider"
        /// The `kid` of the key that signed them: JWTs only.
        case keyID = "key_id"
        case all
    }

    package let kind: Kind
    /// Empty for ``Kind/all``.
    package let value: ExactText

    /// Nil if a value is missing, or given for ``Kind/all``.
    package init?(_ kind: Kind, _ value: ExactText = "") {
        guard value.isEmpty == (kind == .all) else { return nil }
        self.kind = kind
        self.value = value
    }
}

/// Names a cohort without revealing its value: the first half of a SHA-256 digest, in base64url.
///
/// Anyone who can list the possible values can reverse the label. What matters is that the store holds no claim in
/// clear.
package struct CohortLabel: Sendable, Hashable {
    package let kind: Cohort.Kind
    /// Empty for ``Cohort/Kind/all``.
    package let digest: ExactText

    /// `kind` or `kind:digest`.
    package var text: String { digest.isEmpty ? kind.rawValue : "\(kind.rawValue):\(digest)" }

    init(_ kind: Cohort.Kind, digest: ExactText) {
        self.kind = kind
        self.digest = digest
    }

    /// Nil if the text is not a label.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let kind = Cohort.Kind(rawValue: String(parts[0])), (parts.count == 1) == (kind == .all) else {
            return nil
        }
        let digest = parts.count == 1 ? "" : String(parts[1])
        guard kind == .all || (1...Self.maximumDigestCount).contains(digest.utf8.count),
            digest.utf8.allSatisfy(Base64URL.isCharacter)
        else { return nil }
        self.init(kind, digest: ExactText(digest))
    }

    /// In characters of base64url: our digests are never longer.
    private static let maximumDigestCount = 43
}

extension SessionVault {
    /// The name that the cohort is revoked by.
    package func label(of cohort: Cohort) -> CohortLabel {
        cohort.kind == .all ? CohortLabel(.all, digest: "") : label(cohort.kind, cohort.value)
    }

    /// Nil if no device was named.
    package func label(ofDevice device: ExactText) -> CohortLabel? {
        device.isEmpty ? nil : label(.device, device)
    }

    /// The cohorts of one kind that a session belongs to.
    func labels(of session: SessionRecord, keyID: ExactText?, kind: Cohort.Kind) -> [CohortLabel] {
        switch kind {
        case .subject: [label(.subject, session.subject)]
        case .device: session.devices
        case .tenant: [label(.tenant, session.tenant)]
        case .identityProvider: [label(.identityProvider, session.identityProvider)]
        case .keyID: keyID.map { [label(.keyID, $0)] } ?? []
        case .all: [CohortLabel(.all, digest: "")]
        }
    }
}
