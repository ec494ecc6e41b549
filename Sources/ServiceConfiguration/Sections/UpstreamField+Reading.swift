import TokenExchange

extension NodeReader {
    /// The members of a request's body.
    func upstreamFields() -> [UpstreamField]? {
        entries { name, reader in UpstreamField.read(name: ExactText(name), reader, isHeader: false) }
    }

    /// The headers of a request; each name once, in any case.
    func upstreamHeaders() -> [UpstreamField]? {
        let names = SeenValues("header")
        return entries { name, reader in
            guard reader.isHeaderName(name) else { return nil }
            _ = names.record(name.lowercased(), at: reader)
            return UpstreamField.read(name: ExactText(name), reader, isHeader: true)
        }
    }

    /// Headers that HTTP or Countersign sets.
    private static let reservedHeaders: Set<String> = [
        "host", "content-length", "content-type", "transfer-encoding", "connection", "keep-alive", "te", "trailer",
        "upgrade", "expect", "accept-encoding", "x-request-id", "traceparent", "tracestate",
    ]

    /// Whether the configuration may set it; reports if not.
    func isHeaderName(
        _ name: String,
        remedy: String = "Content-Type follows from `format`; X-Request-Id and traceparent are passed on."
    ) -> Bool {
        // RFC 9110 §5.6.2.
        let isToken = !name.isEmpty && name.utf8.allSatisfy { $0.isASCIIWordByte || "!#$%&'*+-.^`|~".utf8.contains($0) }
        guard isToken, !Self.reservedHeaders.contains(name.lowercased()) else {
            report(
                expected: "a header that the configuration may set", found: "`\(name.prefix(80))`", remedy: remedy)
            return false
        }
        return true
    }
}

extension UpstreamField {
    /// As ``ClaimMapping``, or `{ env: … }`, `{ file: … }`, `{ identity: true }`, `{ access_token: true }`.
    fileprivate static func read(name: ExactText, _ reader: NodeReader, isHeader: Bool) -> UpstreamField? {
        guard reader.isMapping else {
            var place = reader
            // It may be a secret that was written into the file by mistake.
            place.isConfidential = true
            place.report(
                expected: "where the value comes from",
                remedy: "Write { from: … }, { first_of: […] }, { value: … }, { env: NAME }, { file: PATH } "
                    + "or { identity: true }.")
            return nil
        }
        return reader.mapping { section in
            let source: Source? = section.exactlyOne([
                "from": { $0.claimPath().map { claim(name, .firstOf([$0])) } },
                "first_of": { $0.list(atLeast: 1) { $0.claimPath() }.map { claim(name, .firstOf($0)) } },
                "value": { reader in
                    guard let value = reader.jsonValue(), !isHeader || reader.isHeaderText(value.plainText)
                    else { return nil }
                    return claim(name, .value(value))
                },
                "env": { reader in
                    reader.environmentName().map {
                        reader.upstreamSecret(.environment(name: $0), isHeader: isHeader)
                    }
                },
                "file": { reader in
                    reader.path().map { reader.upstreamSecret(.file($0), isHeader: isHeader) }
                },
                "identity": { $0.onlyTrue().map { .identityToken } },
                "access_token": { $0.onlyTrue().map { .accessToken } },
            ])
            let isRequired = section.value("required", default: false) { reader in
                if case .claim(let mapping) = source, case .firstOf = mapping.source { return reader.boolean() }
                reader.refuseRequired()
                return nil
            }
            let prefix = section.value("prefix", default: "") { reader in
                reader.string().flatMap { !isHeader || reader.isHeaderText($0) ? ExactText($0) : nil }
            }
            guard let source else { return nil }
            if case .claim(let mapping) = source, isRequired {
                let required = ClaimMapping(name: name, source: mapping.source, isRequired: true)
                return UpstreamField(name: name, source: .claim(required), prefix: prefix)
            }
            return UpstreamField(name: name, source: source, prefix: prefix)
        }
    }

    private static func claim(_ name: ExactText, _ source: ClaimMapping.Source) -> Source {
        .claim(ClaimMapping(name: name, source: source))
    }
}

extension NodeReader {
    fileprivate func isHeaderText(_ text: String) -> Bool {
        if text.fitsHeader { return true }
        report(Self.noHeaderText)
        return false
    }

    private static let noHeaderText = Complaint(
        expected: "printable ASCII, as a header has it", found: "other characters",
        remedy: "They can stand in the body only.")

    /// A secret that each request reads. For a header, it must consist of characters that a header can have.
    fileprivate func upstreamSecret(
        _ source: Secret.Source, isHeader: Bool
    ) -> UpstreamField.Source {
        let secret = Secret(source, at: self)
        pass.refer(from: self) { secret.complaint { $0.fitsHeader || !isHeader ? nil : Self.noHeaderText } }
        return .secret(UpstreamSecret(secret))
    }

    /// A reference to a secret that each request reads, and that a header can have.
    func headerSecret() -> UpstreamSecret? {
        unusedSecret().map { secret in
            pass.refer(from: self) { secret.complaint { $0.fitsHeader ? nil : Self.noHeaderText } }
            return UpstreamSecret(secret)
        }
    }

    fileprivate func onlyTrue() -> Void? {
        guard let isTrue = boolean("true") else { return nil }
        if isTrue { return () }
        report(expected: "true", remedy: "Remove the key otherwise.")
        return nil
    }

    fileprivate func refuseRequired() {
        report(expected: "no `required` but beside `from` and `first_of`", found: "it", remedy: "Remove the key.")
    }
}
