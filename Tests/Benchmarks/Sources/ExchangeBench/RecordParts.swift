import TestSupport
import TokenExchange

/// What the store gets: names, and sealed records.
enum RecordParts {
    static func measure(_ login: SampleLogin, by bench: Bench) async throws {
        let (vault, record, identity) = (login.vault, login.session.record, login.minted.externalIdentity)
        try await bench.measure("derive: an answer's name and key, a device's label") {
            (
                vault.answerSlot(for: login.token, device: login.device, provider: login.provider.name),
                vault.label(ofDevice: login.device)
            )
        }
        try await bench.measure("seal: a session, with its name and key") {
            vault.seal(login.minted.session, of: identity, in: login.slot.key.partition)
        }
        try await bench.measure("seal: an answer") { vault.seal(identity, in: login.slot) }
        try await bench.measure("open: a session, with its key") {
            guard vault.open(record, of: identity) != nil else {
                throw ProgramFailure(description: "the record does not open")
            }
        }
    }
}
