/**
 * Countersign's kit for native apps, in one file for Android and the JVM: reads the deep link by which NewStore's Associate
 * App opens an app, asks Countersign who is asking, and makes the link that takes coupons back. Needs nothing but Kotlin
 * and Java. It does what the Swift library `CountersignLink` does; docs/native.md has the details.
 *
 *     val link = DeepLink(intent.dataString ?: "")                                  // throws DeepLinkException
 *     val session = SessionClient("https://identity.acme.example", "vip-loyalty")
 *         .session(link.externalIdentity)                                           // throws SessionException; blocks
 *     startActivity(Intent(Intent.ACTION_VIEW, Uri.parse(link.applyCoupons(adding = listOf("WELCOME10")))))
 */
package countersign.link

import java.io.IOException
import java.io.InputStream
import java.math.BigDecimal
import java.net.HttpURLConnection
import java.net.URL
import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException
import java.nio.charset.StandardCharsets.ISO_8859_1
import java.nio.charset.StandardCharsets.UTF_8

/** Why a deep link cannot be used, and which part of it is at fault. Holds nothing of what the link says. */
class DeepLinkException(val fault: Fault, val part: Part, val member: String? = null) :
    Exception(listOfNotNull("deep link:", fault, part.text, member).joinToString(" ")) {
    enum class Part(val text: String) {
        LINK("link"), TOKEN("token"), EXTERNAL_IDENTITY("externalIdentity"), CART("cart"), STORE("store")
    }

    /** `MISSING` also if the part is empty or says `null`; `MALFORMED` if it has another form than NewStore's. */
    enum class Fault { MISSING, DOUBLED, WRONGLY_ENCODED, MALFORMED, TOO_LONG }
}

/** The token that Countersign answered at login. Whoever has it passes for the associate, so nothing prints it. */
class ExternalIdentity(val value: String) {
    override fun toString() = "(external identity)"
}

/** The token by which the Associate App knows its own link again. Nothing prints it. */
class SecurityToken(val value: String) {
    override fun toString() = "(security token)"
}

/** Null: the app does not say. */
class Item(val itemId: String, val productId: String, val price: BigDecimal?)

/** NewStore's, unsigned: look up what matters by `cartId`. Null: the app does not say. */
class Cart(
    val cartId: String,
    val items: List<Item>,
    /** Coupon codes, in the order in which the associate applied them. */
    val selectedCoupons: List<String>,
    val currency: String?,
    /** What is left to pay. A coupon that is worth more cannot be applied. */
    val remainingAmount: BigDecimal?,
    /** With taxes. */
    val grandTotal: BigDecimal?,
    /** Without taxes. */
    val subTotal: BigDecimal?,
    val customerEmail: String?
)

class Store(val storeId: String, val countryCode: String?)

/**
 * Only `externalIdentity` can be verified, by [SessionClient]. The rest is what the app says, unsigned: show nothing and
 * give nothing away before the identity has been verified.
 *
 * @param maximumBytes longer links are not looked at.
 */
class DeepLink(link: String, maximumBytes: Int = 65_536) {
    val securityToken: SecurityToken
    val externalIdentity: ExternalIdentity
    val cart: Cart
    val store: Store

    init {
        val bytes = link.toByteArray(UTF_8)
        if (bytes.size > maximumBytes) fail(DeepLinkException.Fault.TOO_LONG, DeepLinkException.Part.LINK)
        // One character for each byte, until a value is whole.
        val parameters = LinkParameters(String(bytes, ISO_8859_1))
        securityToken = SecurityToken(parameters.word(DeepLinkException.Part.TOKEN))
        externalIdentity = ExternalIdentity(parameters.word(DeepLinkException.Part.EXTERNAL_IDENTITY))
        cart = parameters.json(DeepLinkException.Part.CART) {
            Cart(
                text("cartId"), list("items") { Item(text("itemId"), text("productId"), number("price")) },
                texts("selectedCoupons"), textOrNull("currency"), number("remainingAmount"), number("grandTotal"),
                number("subTotal"), textOrNull("customerEmail")
            )
        }
        store = parameters.json(DeepLinkException.Part.STORE) { Store(text("storeId"), textOrNull("countryCode")) }
    }

    /**
     * The link back to the Associate App, which then has these coupons in the cart: those that were selected, in their
     * order, and the added ones. The app takes a coupon away that does not come back.
     */
    fun applyCoupons(adding: List<String>, removing: List<String> = emptyList()): String {
        val codes = (cart.selectedCoupons + adding).distinct() - removing.toSet()
        val parameters = codes.map { "coupons%5B%5D" to it } + ("cartId" to cart.cartId) + ("token" to securityToken.value)
        val query = parameters.joinToString("&") { (name, value) -> "$name=${percentEncoded(value)}" }
        return "com.newstore.associate-one://cart.more.loyaltyProgram/applyCoupons?$query"
    }

    private fun percentEncoded(text: String) = text.toByteArray(UTF_8).joinToString("") { byte ->
        val character = (byte.toInt() and 0xFF).toChar()
        val isUnreserved = character in 'A'..'Z' || character in 'a'..'z' || character in '0'..'9' || character in "-._~"
        if (isUnreserved) "$character" else "%%%02X".format(byte)
    }
}

/** What Countersign says of an external identity that is good. */
class Session(
    val identityProvider: String,
    val tenant: String,
    /** Who the associate is. */
    val subject: String,
    /** In seconds since 1970. */
    val expiresAt: BigDecimal,
    /** False if Countersign could not ask its store, and went by the signature alone (optional providers only). */
    val isConfirmed: Boolean
)

/** `REFUSED`: the associate has to log in again. `UNREACHABLE` says nothing about the identity: try again. */
class SessionException(val reason: Reason) : Exception("session: $reason") {
    enum class Reason { REFUSED, UNREACHABLE }
}

/**
 * Asks Countersign whose session an external identity is. It is good only if this returns: a Countersign that cannot be
 * reached has confirmed nobody.
 *
 * @param service Countersign's address, its `public_url`.
 * @param identityProvider whose sessions the app is for; those of others are refused.
 */
class SessionClient(
    private val service: String,
    private val identityProvider: String,
    private val timeLimitMillis: Int = 5_000,
    private val maximumBytes: Int = 65_536
) {
    /** Blocks for as long as the answer takes, so not on the main thread. */
    fun session(identity: ExternalIdentity): Session {
        val (status, body) = try { answer(identity) } catch (outage: IOException) { null } ?: unreachable()
        if (status == 401) throw SessionException(SessionException.Reason.REFUSED)
        if (status != 200) unreachable()
        val session = try {
            with(JsonObject(Json(body).document(), "")) {
                require(members["active"] == true)
                Session(
                    text("identity_provider"), text("tenant"), text("sub"), requireNotNull(number("exp")),
                    members["session"] == null
                )
            }
        } catch (nonsense: IllegalArgumentException) { unreachable() }
        if (session.identityProvider != identityProvider) throw SessionException(SessionException.Reason.REFUSED)
        return session
    }

    private fun unreachable(): Nothing = throw SessionException(SessionException.Reason.UNREACHABLE)

    private fun answer(identity: ExternalIdentity): Pair<Int, String> {
        val connection = URL("${service.trimEnd('/')}/session").openConnection() as HttpURLConnection
        try {
            connection.instanceFollowRedirects = false
            connection.connectTimeout = timeLimitMillis
            connection.readTimeout = timeLimitMillis
            connection.useCaches = false
            connection.setRequestProperty("Authorization", "Bearer ${identity.value}")
            val status = connection.responseCode
            return Pair(status, if (status == 200) read(connection.inputStream) else "")
        } finally {
            connection.disconnect()
        }
    }

    private fun read(stream: InputStream): String {
        val end = System.nanoTime() + timeLimitMillis * 1_000_000L
        val buffer = ByteArray(maximumBytes + 1)
        var count = 0
        while (true) {
            val read = stream.read(buffer, count, buffer.size - count)
            if (read < 0) return String(buffer, 0, count, UTF_8)
            count += read
            if (count > maximumBytes || System.nanoTime() > end) throw IOException("not an answer of Countersign's")
        }
    }
}

private fun fail(fault: DeepLinkException.Fault, part: DeepLinkException.Part, member: String? = null): Nothing =
    throw DeepLinkException(fault, part, member)

/** The parameters of a deep link, still encoded, with one character for each byte. */
private class LinkParameters(link: String) {
    private val values: Map<DeepLinkException.Part, String>

    init {
        var layer = link.substringAfter('?', "").substringBefore('#')
        var found = parameters(layer)
        // NewStore's own example encodes the whole query, separators included.
        for (encoding in 1..ENCODINGS) {
            if (found.isNotEmpty()) break
            layer = decoded(layer, DeepLinkException.Part.LINK)
            found = parameters(layer)
        }
        values = found
    }

    /** A value of printable ASCII, which is safe in a header. */
    fun word(part: DeepLinkException.Part): String {
        val text = text(decoded(value(part), part), part)
        if (text.any { it !in '!'..'~' }) fail(DeepLinkException.Fault.MALFORMED, part)
        return text
    }

    /** A JSON object. One that was decoded with the whole query may hold a `%` that means nothing. */
    fun <Value> json(part: DeepLinkException.Part, make: JsonObject.() -> Value): Value {
        var bytes = value(part)
        for (encoding in 1..ENCODINGS) if (!bytes.startsWith("{")) bytes = decoded(bytes, part)
        val text = text(bytes, part)
        return try {
            JsonObject(Json(text).document(), "").make()
        } catch (wrong: WrongMember) {
            fail(DeepLinkException.Fault.MALFORMED, part, wrong.place)
        } catch (nonsense: IllegalArgumentException) {
            fail(DeepLinkException.Fault.MALFORMED, part)
        }
    }

    private fun value(part: DeepLinkException.Part) = values[part] ?: fail(DeepLinkException.Fault.MISSING, part)

    /** Some apps make a word of nothing. */
    private fun text(bytes: String, part: DeepLinkException.Part): String {
        val text = try {
            UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.toByteArray(ISO_8859_1))).toString()
        } catch (wrong: CharacterCodingException) {
            fail(DeepLinkException.Fault.WRONGLY_ENCODED, part)
        }
        val isNothing = listOf("", "null", "undefined", "nil", "none", "(null)").any { it.equals(text, ignoreCase = true) }
        return if (isNothing) fail(DeepLinkException.Fault.MISSING, part) else text
    }

    /** What an ampersand ends, and what begins with one of the names. Text within a JSON object may look like more. */
    private fun parameters(query: String): Map<DeepLinkException.Part, String> {
        val values = mutableMapOf<DeepLinkException.Part, String>()
        var start = 0
        while (start < query.length) {
            val part = DeepLinkException.Part.values().drop(1).firstOrNull { query.startsWith("${it.text}=", start) }
            if (part != null) start += part.text.length + 1
            val inside = if (part == null) start else endOfObject(query, start)
            val end = query.indexOf('&', inside).let { if (it < 0) query.length else it }
            val isDoubled = part != null && values.put(part, query.substring(start, end)) != null
            if (part != null && isDoubled) fail(DeepLinkException.Fault.DOUBLED, part)
            start = end + 1
        }
        return values
    }

    /** Behind the JSON object that begins there; `start` if none does, or one that does not end. */
    private fun endOfObject(text: String, start: Int): Int {
        if (!text.startsWith("{", start)) return start
        var depth = 0
        var isString = false
        var isEscaped = false
        for (position in start until text.length) {
            val character = text[position]
            when {
                isEscaped -> isEscaped = false
                character == '\\' -> isEscaped = isString
                character == '"' -> isString = !isString
                character == '{' && !isString -> depth += 1
                character == '}' && !isString -> depth -= 1
            }
            if (depth == 0) return position + 1
        }
        return start
    }

    /** A plus sign stays one: e-mail addresses have them. */
    private fun decoded(text: String, part: DeepLinkException.Part): String {
        val decoded = StringBuilder()
        var position = 0
        while (position < text.length) {
            if (text[position] != '%') {
                decoded.append(text[position++])
                continue
            }
            val digits = text.drop(position + 1).take(2)
            val isByte = digits.length == 2 && digits.all { it in '0'..'9' || it in 'a'..'f' || it in 'A'..'F' }
            if (!isByte) fail(DeepLinkException.Fault.WRONGLY_ENCODED, part)
            decoded.append(digits.toInt(16).toChar())
            position += 3
        }
        return decoded.toString()
    }

    private companion object {
        /** How often a link may be percent-encoded as a whole, and a cart or store within it. */
        const val ENCODINGS = 3
    }
}

private class WrongMember(val place: String) : IllegalArgumentException(place)

/** Members by name and type; `place` is where it stands, with a dot at its end. */
private class JsonObject(document: Any?, private val place: String) {
    val members = document as? Map<*, *> ?: throw if (place == "") IllegalArgumentException() else WrongMember(place.dropLast(1))

    fun text(name: String) = textOrNull(name) ?: wrong(name)

    fun textOrNull(name: String) = members[name]?.let { it as? String ?: wrong(name) }

    fun number(name: String) = members[name]?.let { it as? BigDecimal ?: wrong(name) }

    fun texts(name: String) = elements(name).mapIndexed { index, it -> it as? String ?: wrong("$name.$index") }

    fun <Value> list(name: String, make: JsonObject.() -> Value) =
        elements(name).mapIndexed { index, it -> JsonObject(it, "$place$name.$index.").make() }

    private fun elements(name: String): List<*> = members[name]?.let { it as? List<*> ?: wrong(name) } ?: emptyList<Any>()

    private fun wrong(name: String): Nothing = throw WrongMember(place + name)
}

/**
 * JSON as maps, lists, strings, decimals, booleans and null, of bounded depth: Android's own reader ends the app with a
 * stack overflow where the text is nested deeply enough.
 */
private class Json(private val text: String) {
    private var at = 0

    /** Throws IllegalArgumentException if the text is not JSON. */
    fun document(): Any? = value(0).also {
        skipBlanks()
        require(at == text.length)
    }

    private fun value(depth: Int): Any? {
        require(depth <= DEPTH)
        skipBlanks()
        return when (next()) {
            '{' -> mutableMapOf<String, Any?>().also { members ->
                elements('}') {
                    skipBlanks()
                    require(next() == '"')
                    val name = string()
                    skipBlanks()
                    require(next() == ':')
                    members[name] = value(depth + 1)
                }
            }
            '[' -> mutableListOf<Any?>().also { list -> elements(']') { list.add(value(depth + 1)) } }
            '"' -> string()
            else -> word(at - 1)
        }
    }

    private fun elements(end: Char, element: () -> Unit) {
        skipBlanks()
        if (at < text.length && text[at] == end) {
            at += 1
            return
        }
        do {
            element()
            skipBlanks()
            val separator = next()
            require(separator == ',' || separator == end)
        } while (separator == ',')
    }

    private fun string(): String {
        val string = StringBuilder()
        while (true) {
            val character = next()
            if (character == '"') return string.toString()
            require(character >= ' ')
            string.append(if (character == '\\') escaped() else character)
        }
    }

    private fun escaped(): Char {
        val character = next()
        if (character == 'u') return (1..4).map { next() }.joinToString("").toInt(16).toChar()
        val index = "\"\\/bfnrt".indexOf(character)
        require(index >= 0)
        return "\"\\/\b\u000C\n\r\t"[index]
    }

    private fun word(start: Int): Any? {
        while (at < text.length && text[at] !in " \t\r\n,]}") at += 1
        val word = text.substring(start, at)
        if (word == "null") return null
        if (word == "true" || word == "false") return word == "true"
        require(NUMBER.matches(word))
        return BigDecimal(word)
    }

    private fun next(): Char {
        require(at < text.length)
        return text[at++]
    }

    private fun skipBlanks() {
        while (at < text.length && text[at] in " \t\r\n") at += 1
    }

    private companion object {
        const val DEPTH = 16
        val NUMBER = Regex("-?[0-9]{1,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
    }
}
