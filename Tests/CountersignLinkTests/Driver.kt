import countersign.link.DeepLink
import countersign.link.DeepLinkException
import countersign.link.SessionClient
import countersign.link.SessionException

/** Reads links, one a line, and prints what became of each as the Swift tests do. With arguments, asks for sessions. */
fun main(arguments: Array<String>) {
    for (line in generateSequence(::readLine)) {
        val outcome = try {
            val link = DeepLink(line)
            if (arguments.isEmpty()) outcome(link) else session(arguments, link)
        } catch (error: DeepLinkException) {
            listOf(error.fault, error.part.text, error.member ?: "-").joinToString(" ")
        }
        println(outcome)
    }
}

private fun outcome(link: DeepLink): String {
    val cart = link.cart
    val items = cart.items.joinToString(",") { "${it.itemId}/${it.productId}/${it.price ?: "-"}" }
    return listOf(
        link.securityToken.value, link.externalIdentity.value, cart.cartId, items, cart.selectedCoupons.joinToString(","),
        cart.currency ?: "-", cart.remainingAmount ?: "-", cart.grandTotal ?: "-", cart.subTotal ?: "-",
        cart.customerEmail ?: "-", link.store.storeId, link.store.countryCode ?: "-",
        link.applyCoupons(listOf("NEW & é", "A1", "A1"), listOf("B2"))
    ).joinToString(" | ")
}

private fun session(arguments: Array<String>, link: DeepLink) = try {
    SessionClient(arguments[0], arguments[1]).session(link.externalIdentity).subject
} catch (error: SessionException) {
    error.reason.name
}
