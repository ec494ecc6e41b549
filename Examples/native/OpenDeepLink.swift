import CountersignLink
import Foundation

/// What a native loyalty app does when the Associate App opens it, without the app around it.
///
///     swift run OpenDeepLink https://identity.acme.example vip-loyalty 'acme-loyalty://open?token=…' WELCOME10
@main struct OpenDeepLink {
    static func main() async {
        let arguments = CommandLine.arguments
        guard arguments.count >= 4, let service = URL(string: arguments[1]) else {
            print("usage: OpenDeepLink COUNTERSIGN PROVIDER LINK [COUPON]...")
            exit(64)
        }
        do {
            let link = try DeepLink(arguments[3])
            // Nothing of the cart is shown before this has returned.
            let session = try await SessionClient(service: service, identityProvider: arguments[2])
                .session(of: link.externalIdentity)
            print("\(session.subject) in \(link.store.storeID) asks for cart \(link.cart.cartID)")
            print(link.applyCoupons(adding: Array(arguments.dropFirst(4))).absoluteString)
        } catch SessionError.refused {
            print("log in again")
            exit(1)
        } catch SessionError.unreachable {
            print("try again")
            exit(2)
        } catch {
            print("this is not NewStore's link: \(error)")
            exit(1)
        }
    }
}
