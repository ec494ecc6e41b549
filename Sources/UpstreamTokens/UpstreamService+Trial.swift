package import TokenExchange

extension UpstreamService {
    /// What an operator may see: no secret, no token.
    package struct Trial: Sendable {
        /// One call, as it went out and as it came back.
        package struct Call: Sendable {
            /// As it was sent, secrets masked.
            package let request: String
            /// Status, duration and shape, or what went wrong.
            package let answer: String
        }

        /// The call for an access token; nil if the recipe has none.
        package let access: Call?
        /// Nil if there was no access token for it.
        package let call: Call?
        /// Nil if there was none.
        package let token: UpstreamToken?
    }

    /// Makes each call once, whatever comes back.
    ///
    /// - Throws: if nothing was sent.
    package func trial(_ request: UpstreamRequest, within budget: Duration) async throws(UpstreamFailure) -> Trial {
        let deadline = time.elapsed() + budget
        func message(_ accessToken: [UInt8]?, isMasked: Bool) async throws(UpstreamFailure) -> UpstreamMessage {
            try await UpstreamMessage(
                recipe.endpoint, headers: request.headers, body: request.body, accessToken: accessToken,
                trace: request.trace, isMasked: isMasked, within: deadline - time.elapsed())
        }
        let mask = Array("***access-token***".utf8)
        let masked = try await message(mask, isMasked: true)
        // What cannot be worded is not worth an access token.
        _ = try await message(mask, isMasked: false)
        var access: (call: Trial.Call, token: UpstreamToken?)?
        if let recipe = recipe.access {
            access = try await trial(recipe, until: deadline)
            if access?.token == nil { return Trial(access: access?.call, call: nil, token: nil) }
        }
        let (call, token) = await trial(
            try await message(access?.token?.bytes, isMasked: false), shownAs: masked, to: recipe.endpoint,
            maximumBytes: recipe.maximumBytes, until: deadline)
        return Trial(access: access?.call, call: call, token: token)
    }

    private func trial(
        _ access: UpstreamAccess, until deadline: Duration
    ) async throws(UpstreamFailure) -> (Trial.Call, UpstreamToken?) {
        await trial(
            try await access.message(within: deadline - time.elapsed()),
            shownAs: try await access.message(isMasked: true, within: deadline - time.elapsed()), to: access.endpoint,
            maximumBytes: Self.accessTokenLimit, until: deadline)
    }

    private func trial(
        _ message: UpstreamMessage, shownAs masked: UpstreamMessage, to endpoint: UpstreamEndpoint, maximumBytes: Int,
        until deadline: Duration
    ) async -> (Trial.Call, UpstreamToken?) {
        let outcome = await client.send(
            message, to: endpoint, maximumBytes: maximumBytes,
            within: max(min(recipe.transport.timeout, deadline - time.elapsed()), .zero))
        guard case .token(let token, let note) = outcome else {
            return (Trial.Call(request: masked.text, answer: outcome.failure.cause), nil)
        }
        return (Trial.Call(request: masked.text, answer: note), token)
    }
}

extension UpstreamMessage {
    fileprivate var text: String {
        var lines = ["\(method) \(url)"] + headers.map { "\($0.name): \($0.value)" }
        if let body { lines += ["", String(decoding: body, as: UTF8.self)] }
        return lines.joined(separator: "\n")
    }
}
