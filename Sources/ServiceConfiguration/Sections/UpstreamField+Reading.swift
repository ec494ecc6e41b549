import TokenExchange

extension NodeReader {
    /// Members of a request's body, by name.
    func upstreamFields() -> [UpstreamField]? {
        entries { name, reader in UpstreamField.read(name: name, reader) }
    }

    /// Headers, by name; each once, whatever its case.
    func upstreamHeaders() -> [UpstreamField]? {
        let names = SeenValues("header")
        return entries { name, reader in
            guard reader.isHeaderName(name) else { return nil }
            _ = names.note(name.lowercased(), at: reader)
            return UpstreamField.read(name: name, reader)
        }
    }

    /// What HTTP itself, or Countersign, decides.
    private static let reservedHeaders: Set<String> = [
        "host", "content-length", "content-type", "transfer-encoding", "connection", "keep-alive", "te", "trailer",
        "upgrade", "expect", "accept-encoding", "x-request-id", "traceparent",
    ]

    private func isHeaderName(_ name: String) -> Bool {
        // RFC 9110 §5.6.2.
        let isToken = !name.isEmpty && name.utf8.allSatisfy { $0.isASCIIWordByte || "!#$%&'*+-.^`|~".utf8.contains($0) }
        guard isToken, !Self.reservedHeaders.contains(name.lowercased()) else {
            report(
                expected: "a header that the configuration may set", found: "`\(name.prefix(80))`",
                remedy: "Content-Type follows from `format`; X-Request-Id and traceparent are passed on.")
            return false
        }
        return true
    }
}

extension UpstreamField {
    /// As ``ClaimMapping``, or `{ env: … }`, `{ file: … }`, `{ identity: true }`, `{ access_token: true }`.
    fileprivate static func read(name: String, _ reader: NodeReader) -> UpstreamField? {
        guard reader.isMapping else {
            var place = reader
            // It may be a secret, written where none may stand.
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
                "value": { $0.jsonValue().map { claim(name, .value($0)) } },
                "env": { reader in
                    reader.environmentName().flatMap {
                        reader.upstreamSecret(
                            Secret(environmentVariable: $0, in: reader.pass.environment), place: "env \($0)")
                    }
                },
                "file": { reader in
                    reader.path().flatMap { reader.upstreamSecret(Secret(file: $0), place: "file \($0)") }
                },
                "identity": { $0.onlyTrue().map { .identityToken } },
                "access_token": { $0.onlyTrue().map { .accessToken } },
            ])
            let isRequired = section.value("required", default: false) { reader in
                if case .claim(let mapping) = source, case .firstOf = mapping.source { return reader.boolean() }
                reader.refuseRequired()
                return nil
            }
            let prefix = section.value("prefix", default: "") { $0.string() }
            guard let source else { return nil }
            if case .claim(let mapping) = source, isRequired {
                let required = ClaimMapping(name: name, source: mapping.source, isRequired: true)
                return UpstreamField(name: name, source: .claim(required), prefix: prefix)
            }
            return UpstreamField(name: name, source: source, prefix: prefix)
        }
    }

    private static func claim(_ name: String, _ source: ClaimMapping.Source) -> Source {
        .claim(ClaimMapping(name: name, source: source))
    }
}

extension NodeReader {
    /// A secret that can be read now, in characters that a header can hold.
    fileprivate func upstreamSecret(_ secret: Secret, place: String) -> UpstreamField.Source? {
        do throws(SecretUnavailable) {
            guard try secret.read().utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                report(expected: "a secret in printable ASCII", found: "another one")
                return nil
            }
        } catch {
            report(error.complaint)
            return nil
        }
        return .secret(UpstreamSecret(place: place) { try secret.read() })
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
