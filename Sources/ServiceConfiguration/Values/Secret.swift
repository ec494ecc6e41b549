import TokenExchange

/// Where a secret is to be had. It holds no file's content, so that a rotated file is seen by the next ``read()``.
package struct Secret: Sendable, Redacted {
    package enum Source: Sendable, Equatable {
        case environment(name: String)
        /// Absolute path.
        case file(String)
    }

    package let source: Source
    private let environmentValue: String?

    init(file: String) {
        source = .file(file)
        environmentValue = nil
    }

    init(environmentVariable name: String, in environment: [String: String]) {
        source = .environment(name: name)
        environmentValue = environment[name]
    }

    /// The secret as it is now; of a file, without one newline at its end. Never empty.
    package func read() throws(SecretUnavailable) -> String {
        do throws(Complaint) {
            return try content()
        } catch {
            throw SecretUnavailable(complaint: error)
        }
    }

    private func content() throws(Complaint) -> String {
        switch source {
        case .environment(let name):
            if let value = environmentValue, !value.isEmpty { return value }
            throw Complaint(
                expected: "a value in the environment variable \(name)",
                found: environmentValue == nil ? "it unset" : "it empty", remedy: "Set it before the start.")
        case .file(let path):
            let content = try ReferencedFile(path, isPrivate: true).contents(limit: 65536)
            guard var text = String(validating: content, as: UTF8.self) else {
                throw Complaint(expected: "a secret as text in UTF-8", found: "other bytes in \(path)")
            }
            if text.last?.isNewline == true { text.removeLast() }
            if text.isEmpty { throw Complaint(expected: "a secret", found: "an empty file: \(path)") }
            return text
        }
    }
}

/// A secret cannot be read now. Names the variable or the file, never the content.
package struct SecretUnavailable: Error, CustomStringConvertible {
    let complaint: Complaint

    package var description: String { complaint.message }
}

extension NodeReader {
    /// Where a secret is to be had; not read yet.
    func secret() -> Secret? {
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
                "env": { reader in
                    reader.environmentName().map { Secret(environmentVariable: $0, in: reader.pass.environment) }
                },
                "file": { reader in reader.string("a path").map { Secret(file: reader.pass.absolutePath($0)) } },
            ])
        }
    }

    /// A secret that can be read now.
    ///
    /// - Parameter count: how many characters it has at least.
    func readableSecret(atLeast count: Int = 1) -> Secret? {
        guard let secret = secret() else { return nil }
        do throws(SecretUnavailable) {
            if try secret.read().count >= count { return secret }
            report(
                expected: "a secret of at least \(count) characters", found: "a shorter one",
                remedy: "`openssl rand -base64 32` makes a good one.")
        } catch {
            report(error.complaint)
        }
        return nil
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
