import ServiceConfiguration
import TokenExchange

/// The callback that is attacked.
struct AttackTarget: Sendable {
    /// Absolute.
    let url: String

    /// - Parameters:
    ///   - text: the callback's URL, or that of the service, without a path.
    ///   - isOwn: whether the caller has said that a service on another machine is theirs.
    ///   - provider: completes a URL without a path.
    /// - Throws: ``StartUpError``.
    init(_ text: String, isOwn: Bool, provider: ExactText?) throws {
        guard let address = WebAddress(text), !address.hasUser, !address.hasQueryOrFragment else {
            throw StartUpError([
                "expected the URL of a callback, such as http://127.0.0.1:8080/post_login_callback/vip-loyalty, without "
                    + "user, query and fragment; found another text"
            ])
        }
        guard address.isLoopback || isOwn else {
            throw StartUpError([
                "\(text): expected a service on this machine, found one elsewhere. Only attack a service that you own: say so "
                    + "by --i-own-this-service"
            ])
        }
        url = address.path.isEmpty ? text + "/post_login_callback" + (provider.map { "/\($0)" } ?? "") : text
    }
}
