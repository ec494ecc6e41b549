import BlockingWork
import TokenExchange

/// A reference to a secret. Whoever uses the secret reads it; nobody else needs it to be there. It holds no file's content,
/// so that a rotated file is seen by the next ``read()``.
package struct Secret: Sendable, Equatable, Redacted {
    package enum Source: Sendable, Equatable {
        case environment(name: String)
        /// Absolute path.
        case file(String)
    }

    package let source: Source
    private let environmentValue: String?
    /// How many characters it has at least.
    private let minimumCount: Int
    private let place: ConfigurationPlace

    init(_ source: Source, atLeast minimumCount: Int = 1, at reader: NodeReader) {
        self.source = source
        if case .environment(let name) = source {
            environmentValue = reader.pass.environment[name]
        } else {
            environmentValue = nil
        }
        self.minimumCount = minimumCount
        place = reader.place
    }

    /// Whether both refer to the same secret; of a file's content nothing is known here, and where a reference stands does
    /// not matter.
    package static func == (one: Secret, other: Secret) -> Bool {
        one.source == other.source && one.environmentValue == other.environmentValue
    }

    /// The secret as it is now, without the blanks and newlines at either end.
    ///
    /// - Throws: the place of the reference and what is wrong, never the content.
    package func read() throws(ConfigurationProblem) -> String {
        do throws(Complaint) { return try text() } catch { throw place.problem(error) }
    }

    /// The same, on a thread of its own if it comes from a file.
    package func read(within limit: Duration) async throws(ConfigurationProblem) -> String {
        guard case .file(let path) = source else { return try read() }
        let result = await Self.reads.value(of: path, within: limit) {
            Result { () throws(Complaint) in try text() }
        }
        do throws(Complaint) {
            guard let result else {
                throw Complaint(
                    expected: "a file that can be read at once", found: "\(path), which does not answer",
                    remedy: "Is its file system gone?")
            }
            return try result.get()
        } catch { throw place.problem(error) }
    }

    private static let reads = BlockingReads<Result<String, Complaint>>()

    func text() throws(Complaint) -> String {
        switch source {
        case .environment(let name):
            let what = "a value in the environment variable \(name)"
            guard let environmentValue else {
                throw Complaint(expected: what, found: "it unset", remedy: "Set it before the start.")
            }
            if environmentValue.isEmpty {
                throw Complaint(expected: what, found: "it empty", remedy: "Set it before the start.")
            }
            return try checked(environmentValue, in: "the environment variable \(name)")
        case .file(let path):
            let bytes = try ReferencedFile(path, isPrivate: true).contents(limit: 65536)
            if bytes.isEmpty { throw Complaint(expected: "a secret", found: "an empty file: \(path)") }
            guard TextEncoding(of: bytes) == nil, let text = String(validating: bytes, as: UTF8.self) else {
                throw Self.notUTF8(path)
            }
            return try checked(text, in: path)
        }
    }

    /// The same rules wherever it comes from.
    private func checked(_ text: String, in container: String) throws(Complaint) -> String {
        let bytes = text.utf8.withoutByteOrderMark.trimming { " \t\r\n".utf8.contains($0) }
        let secret = String(Substring(bytes))
        if secret.isEmpty { throw Complaint(expected: "a secret", found: "only blanks in \(container)") }
        // What the environment held instead of it, the runtime has put there for bytes that are no UTF-8.
        if secret.unicodeScalars.contains("\u{FFFD}") { throw Self.notUTF8(container) }
        if secret.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            throw Complaint(
                expected: "a secret without control characters", found: "one within that of \(container)",
                remedy: "Only blanks, tabs and newlines at either end are left out.")
        }
        guard secret.count >= minimumCount else {
            throw Complaint(
                expected: "a secret of at least \(minimumCount) characters", found: "a shorter one",
                remedy: "`openssl rand -base64 32` makes a good one.")
        }
        return secret
    }

    private static func notUTF8(_ container: String) -> Complaint {
        Complaint(expected: "a secret as text in UTF-8", found: "other bytes in \(container)")
    }
}

extension BidirectionalCollection {
    fileprivate func trimming(_ isLeftOut: (Element) -> Bool) -> SubSequence {
        let rest = drop(while: isLeftOut)
        return rest.lastIndex { !isLeftOut($0) }.map { rest[...$0] } ?? rest.prefix(0)
    }
}

extension UpstreamSecret {
    init(_ secret: Secret) {
        let place =
            switch secret.source {
            case .environment(let name): "env \(name)"
            case .file(let path): "file \(path)"
            }
        self.init(place: ExactText(place), read: secret.read(within:))
    }
}

extension NodeReader {
    /// A reference to a secret that whoever uses it must be able to read.
    ///
    /// - Parameter count: how many characters it has at least.
    func secret(atLeast count: Int = 1) -> Secret? {
        guard let secret = unusedSecret(atLeast: count) else { return nil }
        pass.refer(from: self) { () throws(Complaint) in _ = try secret.text() }
        return secret
    }

    /// A reference to a secret that nobody uses, so that it need not be there.
    func unusedSecret(atLeast count: Int = 1) -> Secret? {
        var place = self
        place.isConfidential = true
        guard isMapping else {
            place.report(
                expected: "a reference to a secret",
                remedy: "Write `{ env: NAME }` or `{ file: PATH }`; a secret never stands in this file.")
            return nil
        }
        return place.mapping { mapping in
            mapping.exactlyOne([
                "env": { $0.environmentName().map { Secret(.environment(name: $0), atLeast: count, at: self) } },
                "file": { $0.path().map { Secret(.file($0), atLeast: count, at: self) } },
            ])
        }
    }

    func environmentName() -> String? {
        let what = "the name of an environment variable"
        guard let name = string(what) else { return nil }
        guard name.utf8.allSatisfy(\.isASCIIWordByte), name.utf8.first?.isASCIIDigit == false else {
            report(expected: what + " (letters, digits, `_`)")
            return nil
        }
        return name
    }
}
