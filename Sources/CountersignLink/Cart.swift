public import Foundation

/// The cart that the associate has open. NewStore's, unsigned: look up what matters by ``cartID``.
public struct Cart: Sendable, Hashable, Decodable {
    /// One line of the cart.
    public struct Item: Sendable, Hashable, Decodable {
        public let itemID: String
        public let productID: String
        public let price: Decimal?

        private enum CodingKeys: String, CodingKey {
            case itemID = "itemId"
            case productID = "productId"
            case price
        }
    }

    public let cartID: String
    public let items: [Item]
    /// Coupon codes, in the order in which the associate applied them.
    public let selectedCoupons: [String]
    /// ISO 4217; decides which coupons fit. Nil if the app does not say, as in all that follows.
    public let currency: String?
    /// What is left to pay. A coupon that is worth more cannot be applied.
    public let remainingAmount: Decimal?
    /// With taxes.
    public let grandTotal: Decimal?
    /// Without taxes.
    public let subTotal: Decimal?
    public let customerEmail: String?

    private enum CodingKeys: String, CodingKey {
        case cartID = "cartId"
        case items, selectedCoupons, currency, remainingAmount, grandTotal, subTotal, customerEmail
    }

    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        cartID = try members.decode(String.self, forKey: .cartID)
        items = try members.decodeIfPresent([Item].self, forKey: .items) ?? []
        selectedCoupons = try members.decodeIfPresent([String].self, forKey: .selectedCoupons) ?? []
        currency = try members.decodeIfPresent(String.self, forKey: .currency)
        remainingAmount = try members.decodeIfPresent(Decimal.self, forKey: .remainingAmount)
        grandTotal = try members.decodeIfPresent(Decimal.self, forKey: .grandTotal)
        subTotal = try members.decodeIfPresent(Decimal.self, forKey: .subTotal)
        customerEmail = try members.decodeIfPresent(String.self, forKey: .customerEmail)
    }
}

/// Where the associate works.
public struct Store: Sendable, Hashable, Decodable {
    public let storeID: String
    /// ISO 3166; nil if the app does not say.
    public let countryCode: String?

    private enum CodingKeys: String, CodingKey {
        case storeID = "storeId"
        case countryCode
    }
}
