import TokenExchange

/// `manifest.json` beside the keys: for people to read, for commands to write. Holds no key.
enum SigningKeyManifestFile {
    static let name = "manifest.json"

    /// Of the file. A record has some 300 bytes, so ten times ``SigningKeyManifest/keyLimit`` fit.
    static let byteLimit = 16 << 20
    private static let version = 1
    private static let limits = JSONLimits(depth: 6, members: 4096)

    /// What ``manifest(_:)`` reads, to the letter.
    static func text(_ manifest: SigningKeyManifest) -> [UInt8] {
        JSONValue.object([
            .init("about", .string("States of the signing keys; holds no secret. Changed by: countersign keys")),
            .init("version", .number(literal: String(version))),
            .init("written_at", .string(manifest.writtenAt.text)),
            .init("jwks_max_age", value(manifest.keySetMaximumAge)),
            .init(
                "token_lifetimes",
                .object(
                    manifest.lifetimes.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                        .init(ExactText($0.key.rawValue), value($0.value))
                    })),
            .init("keys", .array(manifest.keys.map(\.manifestValue))),
        ]).indentedText
    }

    private static func value(_ held: RetainedMaximum) -> JSONValue {
        let former = held.former.map { former in
            JSONValue.object([
                .init("seconds", .number(literal: former.value.secondsLiteral)),
                .init("held_until", .string(former.heldUntil.text)),
            ])
        }
        return .object(
            [.init("seconds", .number(literal: held.current.secondsLiteral))]
                + (former.isEmpty ? [] : [.init("formerly", .array(former))]))
    }

    // MARK: Reading

    /// - Throws: what was expected, in words.
    static func manifest(_ text: [UInt8]) throws(Expectation) -> SigningKeyManifest {
        let document: JSONValue
        do { document = try JSONValue(parsing: Array(text.withoutByteOrderMark), limits: limits) } catch {
            throw Expectation("valid JSON, found it cut or damaged (\(error))")
        }
        guard document["version"]?.number == Double(version) else {
            throw Expectation("version \(version), found another; it was written by another version of countersign")
        }
        guard case .array(let keys)? = document["keys"] else { throw Expectation("a list `keys`") }
        var records: [SigningKeyRecord] = []
        for (index, key) in keys.enumerated() { records.append(try record(key, at: index)) }
        for algorithm in SignatureAlgorithm.minting {
            let count = records.count { $0.algorithm == algorithm && $0.state == .active }
            guard count <= 1 else { throw Expectation("one active key for \(algorithm.rawValue), found \(count)") }
        }
        guard Set(records.map(\.keyID)).count == records.count else { throw Expectation("each key once") }
        var lifetimes: [SignatureAlgorithm: RetainedMaximum] = [:]
        if case .object(let members)? = document["token_lifetimes"] {
            for member in members {
                guard let algorithm = SignatureAlgorithm(name: member.name) else {
                    throw Expectation("an algorithm in `token_lifetimes`")
                }
                lifetimes[algorithm] = try held(member.value, "token_lifetimes.\(member.name)")
            }
        }
        return SigningKeyManifest(
            keys: records, writtenAt: try time(document, "written_at"),
            keySetMaximumAge: try held(document["jwks_max_age"], "jwks_max_age"), lifetimes: lifetimes)
    }

    private static func record(_ value: JSONValue, at index: Int) throws(Expectation) -> SigningKeyRecord {
        let place = "keys[\(index)]"
        guard let keyID = value["kid"]?.string, SigningKeyName.isKeyID(keyID) else {
            throw Expectation("a thumbprint as `\(place).kid`")
        }
        guard let algorithm = value["algorithm"]?.string.flatMap(SignatureAlgorithm.init(name:)),
            SignatureAlgorithm.minting.contains(algorithm)
        else { throw Expectation("an algorithm to sign with as `\(place).algorithm`") }
        guard let state = value["state"]?.string.flatMap({ SigningKeyRecord.State(rawValue: String($0)) }) else {
            throw Expectation("published, active, retiring or revoked as `\(place).state`")
        }
        let end = value["tokens_die_by"] == nil ? nil : try time(value, "tokens_die_by", place)
        guard (end == nil) == (state == .published || state == .active) else {
            throw Expectation("`\(place).tokens_die_by` for keys that have stopped signing, and for no others")
        }
        return SigningKeyRecord(
            keyID: keyID, algorithm: algorithm, state: state, since: try time(value, "since", place),
            maySignFrom: try time(value, "may_sign_from", place), isForced: value["forced"] == .bool(true),
            tokensDieBy: end)
    }

    private static func time(
        _ value: JSONValue, _ name: ExactText, _ place: String? = nil
    ) throws(Expectation) -> UnixTime {
        guard let time = value[name]?.string.flatMap({ UnixTime(String($0)) }) else {
            throw Expectation("a time like 2026-11-22T14:40:27.125Z as `\(place.map { "\($0)." } ?? "")\(name)`")
        }
        return time
    }

    private static func held(_ value: JSONValue?, _ place: String) throws(Expectation) -> RetainedMaximum {
        var former: [RetainedMaximum.Former] = []
        if case .array(let entries)? = value?["formerly"] {
            for (index, entry) in entries.enumerated() {
                let place = "\(place).formerly[\(index)]"
                former.append(
                    .init(try seconds(entry, place), heldUntil: try time(entry, "held_until", place)))
            }
        }
        return RetainedMaximum(try seconds(value, place), former: former)
    }

    private static func seconds(_ value: JSONValue?, _ place: String) throws(Expectation) -> Duration {
        guard let seconds = value?["seconds"]?.number, 0...1e9 ~= seconds else {
            throw Expectation("a number of seconds as `\(place).seconds`")
        }
        return .milliseconds(Int64((seconds * 1000).rounded()))
    }

    /// What the text should have had and has not, and where.
    struct Expectation: Error {
        let text: String

        /// To follow the word "expected".
        init(_ text: String) {
            self.text = text
        }
    }
}

extension SigningKeyRecord {
    fileprivate var manifestValue: JSONValue {
        var members: [JSONValue.Member] = [
            .init("kid", .string(keyID)), .init("algorithm", .string(algorithm.rawValue)),
            .init("state", .string(state.rawValue)), .init("since", .string(since.text)),
            .init("may_sign_from", .string(maySignFrom.text)),
        ]
        if isForced { members.append(.init("forced", .bool(true))) }
        if let tokensDieBy { members.append(.init("tokens_die_by", .string(tokensDieBy.text))) }
        return .object(members)
    }
}

extension Duration {
    /// In whole milliseconds, without zeros at its end.
    fileprivate var secondsLiteral: String {
        let (seconds, milliseconds) = Int64((inSeconds * 1000).rounded()).quotientAndRemainder(dividingBy: 1000)
        if milliseconds == 0 { return String(seconds) }
        var fraction = String(1000 + milliseconds).dropFirst()
        while fraction.last == "0" { fraction.removeLast() }
        return "\(seconds).\(fraction)"
    }
}
