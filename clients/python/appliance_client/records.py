"""Records of the unified model. Generated: `appliance reference client --out FILE`.

Times are ISO-8601 in UTC, decimals exact texts; None where the source tells nothing.
"""

from collections.abc import Mapping
from typing import Any, TypedDict


class Account(TypedDict, total=False):
    """A cost center or general ledger account that costs are booked to."""

    key: str | None
    code: str | None
    name: str | None
    description: str | None
    activatedAt: str | None
    expiresAt: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Address(TypedDict, total=False):
    """A postal address."""

    country: str | None
    addressLines: str | None
    addressee: str | None
    state: str | None
    city: str | None
    postCode: str | None
    phone: str | None
    email: str | None
    notes: str | None
    isActive: bool | None
    createdAt: str | None
    updatedAt: str | None


class Asset(TypedDict, total=False):
    """A piece of equipment or a functional position; assets nest."""

    key: str | None
    siteKey: str | None
    parentKey: str | None
    vendorKey: str | None
    teamKey: str | None
    documents: "list[Document] | None"
    locationKey: str | None
    customerKey: str | None
    accountKeys: list[str] | None
    name: str | None
    description: str | None
    makeCompanyKey: str | None
    assetTemplateKey: str | None
    isPhysical: bool | None
    notes: str | None
    categoryName: str | None
    criticality: str | None
    isActive: bool | None
    makeName: str | None
    modelName: str | None
    serialNumber: str | None
    activatedAt: str | None
    deactivatedAt: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class AssetDowntime(TypedDict, total=False):
    """A span in which an asset could not be used."""

    key: str | None
    assetKey: str | None
    description: str | None
    startedAt: str | None
    endedAt: str | None
    categoryName: str | None
    severity: str | None
    notes: str | None
    createdAt: str | None
    updatedAt: str | None
    customFields: Any


class BOMLineItem(TypedDict, total=False):
    """A line of a bill of material."""

    locationKey: str | None
    materialKey: str | None
    productKey: str | None
    currencyKey: str | None
    description: str | None
    quantity: int | float | None
    uomKey: str | None
    notes: str | None
    price: str | None
    createdAt: str | None
    updatedAt: str | None


class BillOfMaterial(TypedDict, total=False):
    """What a product or project is made of."""

    key: str | None
    siteKey: str | None
    name: str | None
    projectKey: str | None
    type: str | None
    lineItems: "list[BOMLineItem] | None"
    createdAt: str | None
    updatedAt: str | None
    customFields: Any


class Company(TypedDict, total=False):
    """A business partner as such: the parent of vendors, customers and makers."""

    key: str | None
    parentKey: str | None
    organizationKey: str | None
    name: str | None
    code: str | None
    addresses: "list[Address] | None"
    billingAddress: "Address | None"
    currencyKey: str | None
    notes: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Contact(TypedDict, total=False):
    """A person or desk to reach, as part of another record."""

    name: str | None
    position: str | None
    phones: str | None
    emails: str | None
    isActive: bool | None
    isDefault: bool | None


class Counter(TypedDict, total=False):
    """A meter of assets: running hours, kilometers, pressure."""

    key: str | None
    siteKey: str | None
    assetKeys: list[str] | None
    uomName: str | None
    uomKey: str | None
    lastReading: int | float | None
    lastReadingAt: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class CounterReading(TypedDict, total=False):
    """One value read from a meter."""

    key: str | None
    assetKey: str | None
    meterKey: str | None
    reading: str | None
    createdAt: str | None
    customFields: Any


class Currency(TypedDict, total=False):
    """A currency, named by its ISO 4217 code."""

    key: str | None
    name: str | None
    code: str | None
    isBase: bool | None
    isActive: bool | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class CustomField(TypedDict, total=False):
    """The name of a field that the source has beyond the model."""

    name: str | None


class Customer(TypedDict, total=False):
    """A buyer of goods or services."""

    key: str | None
    name: str | None
    code: str | None
    organizationKey: str | None
    addresses: "list[Address] | None"
    billingAddress: "Address | None"
    companyKey: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Dimension(TypedDict, total=False):
    """Weight and size of an item with the units they are given in."""

    weight: int | float | None
    width: int | float | None
    height: int | float | None
    length: int | float | None
    linearUomKey: str | None
    weightUomKey: str | None
    volumeUomKey: str | None


class Document(TypedDict, total=False):
    """A file or link attached to other records; entityKeys may name any entity."""

    key: str | None
    entityKeys: list[str] | None
    name: str | None
    url: str | None
    type: str | None
    contentType: str | None
    description: str | None
    notes: str | None
    createdAt: str | None
    updatedAt: str | None
    customFields: Any


class Drawing(TypedDict, total=False):
    """A drawing of a part and the position on it."""

    drawingNo: str | None
    drawingPos: str | None
    referenceNo: str | None
    referencePos: str | None
    documents: "list[Document] | None"


class ExchangeRate(TypedDict, total=False):
    """The price of one currency in another, as of a moment."""

    key: str | None
    currencyKey: str | None
    baseCurrencyKey: str | None
    rate: str | None
    createdAt: str | None
    customFields: Any


class Fulfillment(TypedDict, total=False):
    """Goods handed over for a sales order or transfer."""

    key: str | None
    organizationKey: str | None
    siteKey: str | None
    vendorKey: str | None
    customerKey: str | None
    salesOrderKey: str | None
    stockTransferKey: str | None
    statusKey: str | None
    code: str | None
    orderNo: str | None
    orderDate: str | None
    title: str | None
    description: str | None
    completedAt: str | None
    notes: str | None
    shipmentAddress: "Address | None"
    lineItems: "list[POLineItem] | None"
    createdAt: str | None
    updatedAt: str | None
    customFields: Any


class Inventory(TypedDict, total=False):
    """The quantity and unit cost of an item at a location."""

    key: str | None
    code: str | None
    name: str | None
    quantity: int | float | None
    unitCost: int | float | None
    locationKey: str | None
    updatedAt: str | None
    createdAt: str | None
    customFields: Any


class Invoice(TypedDict, total=False):
    """An invoice from a vendor or to a customer."""

    key: str | None
    title: str | None
    customerKey: str | None
    locationKey: str | None
    invoiceNumber: str | None
    vendorKey: str | None
    poKey: str | None
    statusKey: str | None
    lineItems: "list[InvoiceLineItem] | None"
    invoiceDate: str | None
    dueDate: str | None
    receivedDate: str | None
    currencyKey: str | None
    totalNetValue: str | None
    totalTaxValue: str | None
    totalGrossValue: str | None
    salesOrderKey: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class InvoiceLineItem(TypedDict, total=False):
    """A line of an invoice."""

    key: str | None
    locationKey: str | None
    vendorKey: str | None
    productKey: str | None
    statusKey: str | None
    storeroomKey: str | None
    currencyKey: str | None
    lineNo: str | None
    code: str | None
    lineRef: str | None
    quantity: int | float | None
    receivedQuantity: str | None
    uomKey: str | None
    price: str | None
    discount: str | None
    lineTaxValue: str | None
    lineTotalValue: str | None
    notes: str | None
    deliveryAt: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None


class Labor(TypedDict, total=False):
    """A person or trade whose hours are planned and booked."""

    key: str | None
    organizationKeys: list[str] | None
    siteKeys: list[str] | None
    locationKeys: list[str] | None
    accountKey: str | None
    vendorKey: str | None
    userKey: str | None
    code: str | None
    teamKey: str | None
    name: str | None
    firstName: str | None
    middleName: str | None
    lastName: str | None
    roleName: str | None
    description: str | None
    notes: str | None
    isActive: bool | None
    costUomKey: str | None
    currencyKey: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class LineItem(TypedDict, total=False):
    """A purchase order line, listed across all orders."""

    key: str | None
    locationKey: str | None
    assetKey: str | None
    statusKey: str | None
    materialKey: str | None
    storeroomKey: str | None
    vendorKey: str | None
    productKey: str | None
    price: str | None
    discount: str | None
    deliveryAt: str | None
    lineNo: str | None
    code: str | None
    name: str | None
    description: str | None
    lineRef: str | None
    quantity: str | None
    receivedQuantity: str | None
    type: str | None
    uomKey: str | None
    cost: str | None
    currencyKey: str | None
    lineTotalValue: int | float | None
    lineTaxValue: int | float | None
    notes: str | None
    dueAt: str | None
    createdAt: str | None
    updatedAt: str | None
    customFields: Any


class Location(TypedDict, total=False):
    """A place within a site where assets stand or goods are kept; locations nest."""

    key: str | None
    siteKey: str | None
    parentKey: str | None
    teamKey: str | None
    organizationKey: str | None
    name: str | None
    userManagerKey: str | None
    description: str | None
    code: str | None
    type: str | None
    address: "Address | None"
    isActive: bool | None
    contact: str | None
    isDefault: bool | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Material(TypedDict, total=False):
    """A part together with its inventories: the same record as Part, answered when stock is set."""

    key: str | None
    organizationKey: str | None
    parentKeys: list[str] | None
    assetKeys: list[str] | None
    code: str | None
    isAssembly: bool | None
    partNumber: str | None
    name: str | None
    description: str | None
    notes: str | None
    criticality: str | None
    isActive: bool | None
    manufacturerName: str | None
    uomKey: str | None
    supplyOptions: "list[SupplyOption] | None"
    priceLevels: "list[PriceLevel] | None"
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    inventories: "list[Inventory] | None"
    dimensions: "Dimension | None"


class MaterialItem(TypedDict, total=False):
    """A line of a material list: of an assembly, asset, template, plan, work or production order."""

    key: str | None
    materialKey: str | None
    assemblyKey: str | None
    assetKey: str | None
    assetTemplateKey: str | None
    workOrderKey: str | None
    pmKey: str | None
    productionOrderKey: str | None
    partNumber: str | None
    drawingNumber: str | None
    positionNumber: str | None
    documentKey: str | None
    name: str | None
    uomKey: str | None
    quantity: int | float | None
    requiredQuantity: int | float | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None


class Model(TypedDict, total=False):
    """An asset template: what assets of one make and type have in common."""

    key: str | None
    siteKey: str | None
    documents: "list[Document] | None"
    name: str | None
    manufacturerName: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Organization(TypedDict, total=False):
    """A legal or business unit; the top of the tree of places."""

    key: str | None
    currencyKey: str | None
    name: str | None
    code: str | None
    description: str | None
    addresses: "list[Address] | None"
    billingAddress: "Address | None"
    contacts: "list[Contact] | None"
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class POLineItem(TypedDict, total=False):
    """A line within an order or receipt; in a purchase order, the record that LineItem lists."""

    key: str | None
    locationKey: str | None
    accountKey: str | None
    vendorKey: str | None
    assetKey: str | None
    materialKey: str | None
    productKey: str | None
    statusKey: str | None
    storeroomKey: str | None
    lineNo: str | None
    code: str | None
    type: str | None
    name: str | None
    description: str | None
    lineRef: str | None
    quantity: int | float | None
    receivedQuantity: int | float | None
    uomKey: str | None
    currencyKey: str | None
    price: int | float | None
    discount: int | float | None
    lineTaxValue: int | float | None
    lineTotalValue: int | float | None
    notes: str | None
    deliveryAt: str | None
    dueAt: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None


class Part(TypedDict, total=False):
    """A material or spare part; assemblies consist of others."""

    key: str | None
    siteKeys: list[str] | None
    parentKeys: list[str] | None
    assetKeys: list[str] | None
    vendorKeys: list[str] | None
    organizationKey: str | None
    documents: "list[Document] | None"
    accountKey: str | None
    categoryName: str | None
    code: str | None
    isAssembly: bool | None
    partNumber: str | None
    name: str | None
    description: str | None
    notes: str | None
    criticality: str | None
    isActive: bool | None
    manufacturerName: str | None
    minimumQuantity: str | None
    uomKey: str | None
    cost: int | float | None
    currency: str | None
    supplyOptions: "list[SupplyOption] | None"
    priceLevels: "list[PriceLevel] | None"
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    inventory: "Inventory | None"
    drawings: "list[Drawing] | None"
    dimensions: "Dimension | None"
    customFields: Any


class PreventiveMaintenance(TypedDict, total=False):
    """A plan that brings forth work orders by time or meter."""

    key: str | None
    assetKeys: list[str] | None
    teamKey: str | None
    siteKey: str | None
    accountKey: str | None
    title: str | None
    description: str | None
    status: str | None
    severity: str | None
    laborAssignedKey: str | None
    estimatedTime: str | None
    roleName: str | None
    categoryName: str | None
    documents: "list[Document] | None"
    assetTemplateKeys: list[str] | None
    statusKey: str | None
    notes: str | None
    dueAt: str | None
    categoryCode: str | None
    requiresMaterials: bool | None
    triggers: "list[WorkTrigger] | None"
    tasks: "list[Task] | None"
    resources: "list[Work] | None"
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class PriceLevel(TypedDict, total=False):
    """A price that holds for a range of quantities."""

    name: str | None
    price: str | None
    uomKey: str | None
    uomQuantity: str | None
    currencyKey: str | None
    taxKey: str | None
    minQuantity: str | None
    maxQuantity: str | None
    updatedAt: str | None
    deletedAt: str | None


class Product(TypedDict, total=False):
    """An item that is sold."""

    key: str | None
    groupKey: str | None
    organizationKey: str | None
    uomKey: str | None
    code: str | None
    name: str | None
    description: str | None
    type: str | None
    isTaxable: bool | None
    taxKeys: list[str] | None
    status: str | None
    price: str | None
    currencyKey: str | None
    quantity: int | float | None
    sku: str | None
    upc: str | None
    ean: str | None
    isbn: str | None
    partNumber: str | None
    dimensions: "Dimension | None"
    supplyOptions: "list[SupplyOption] | None"
    priceLevels: "list[PriceLevel] | None"
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class ProductGroup(TypedDict, total=False):
    """A group of products; groups nest."""

    key: str | None
    parentKey: str | None
    code: str | None
    name: str | None
    description: str | None
    updatedAt: str | None
    createdAt: str | None
    deletedAt: str | None
    customFields: Any


class ProductionOrder(TypedDict, total=False):
    """An order to make goods."""

    key: str | None
    siteKey: str | None
    statusKey: str | None
    locationKey: str | None
    orderNo: str | None
    orderDate: str | None
    totalNetValue: str | None
    totalTaxValue: str | None
    totalGrossValue: str | None
    note: str | None
    lineItems: "list[POLineItem] | None"
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Project(TypedDict, total=False):
    """A project that costs and materials are booked to."""

    key: str | None
    siteKey: str | None
    name: str | None
    accountKey: str | None
    statusKey: str | None
    budget: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class PurchaseOrder(TypedDict, total=False):
    """An order to a vendor, with its lines."""

    key: str | None
    siteKey: str | None
    organizationKey: str | None
    orderDate: str | None
    vendorKey: str | None
    userRequestedKey: str | None
    userApprovedKey: str | None
    orderNo: str | None
    statusKey: str | None
    title: str | None
    description: str | None
    dueAt: str | None
    approvedAt: str | None
    completedAt: str | None
    shippingMethod: str | None
    shipmentDate: str | None
    shipmentAddress: "Address | None"
    billingAddress: "Address | None"
    terms: str | None
    notes: str | None
    deliveryAddress: "Address | None"
    currencyKey: str | None
    locationKey: str | None
    totalNetValue: str | None
    totalGrossValue: str | None
    updatedAt: str | None
    lineItems: "list[POLineItem] | None"
    customFields: Any


class PurchaseRequisition(TypedDict, total=False):
    """A wish to buy that waits for approval and an order."""

    key: str | None
    siteKey: str | None
    requesterKey: str | None
    accountKey: str | None
    userRequestedKey: str | None
    userApprovedKey: str | None
    code: str | None
    statusKey: str | None
    shippingMethod: str | None
    shippingAddress: "Address | None"
    lineItems: "list[POLineItem] | None"
    documentKeys: list[str] | None
    totalNetValue: str | None
    totalTaxValue: str | None
    totalGrossValue: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Receipt(TypedDict, total=False):
    """What arrived against a purchase order."""

    key: str | None
    siteKey: str | None
    vendorKey: str | None
    poKey: str | None
    code: str | None
    orderNo: str | None
    orderDate: str | None
    title: str | None
    description: str | None
    completedAt: str | None
    shippingMethod: str | None
    notes: str | None
    currencyKey: str | None
    totalNetValue: str | None
    totalTaxValue: str | None
    totalGrossValue: str | None
    lineItems: "list[POLineItem] | None"
    createdAt: str | None
    updatedAt: str | None
    customFields: Any


class Receiving(TypedDict, total=False):
    """A goods receipt as it is entered at the dock."""

    key: str | None
    organizationKey: str | None
    siteKey: str | None
    vendorKey: str | None
    poKey: str | None
    code: str | None
    orderNo: str | None
    orderDate: str | None
    title: str | None
    description: str | None
    completedAt: str | None
    shippingMethod: str | None
    notes: str | None
    currencyKey: str | None
    totalNetValue: str | None
    totalTaxValue: str | None
    totalGrossValue: str | None
    lineItems: "list[POLineItem] | None"
    createdAt: str | None
    updatedAt: str | None
    customFields: Any


class RequestForQuotation(TypedDict, total=False):
    """A request to a vendor to quote prices."""

    key: str | None
    siteKey: str | None
    vendorKey: str | None
    organizationKey: str | None
    accountKey: str | None
    code: str | None
    statusKey: str | None
    shippingMethod: str | None
    shippingAddress: "list[Address] | None"
    lineItems: "list[POLineItem] | None"
    documentKeys: list[str] | None
    totalNetValue: str | None
    totalTaxValue: str | None
    totalGrossValue: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class ReturnOrder(TypedDict, total=False):
    """Goods sent back to a vendor."""

    key: str | None
    organizationKey: str | None
    siteKey: str | None
    vendorKey: str | None
    statusKey: str | None
    code: str | None
    poKey: str | None
    orderNo: str | None
    orderDate: str | None
    type: str | None
    title: str | None
    description: str | None
    dueAt: str | None
    approvedAt: str | None
    completedAt: str | None
    shippingMethod: str | None
    terms: str | None
    notes: str | None
    currencyKey: str | None
    totalNetValue: int | float | None
    totalTaxValue: int | float | None
    totalGrossValue: int | float | None
    lineItems: "list[POLineItem] | None"
    createdAt: str | None
    updatedAt: str | None
    customFields: Any


class SalesLineItem(TypedDict, total=False):
    """A line of a sales order."""

    productKey: str | None
    locationKey: str | None
    storeroomKey: str | None
    quantity: int | float | None
    quantityRequired: str | None
    price: str | None
    discount: str | None
    lineTaxValue: str | None
    lineTotalValue: str | None
    taxKey: str | None


class SalesOrder(TypedDict, total=False):
    """An order from a customer, with its lines."""

    key: str | None
    organizationKey: str | None
    customerKey: str | None
    userKey: str | None
    code: str | None
    orderNumber: str | None
    date: str | None
    statusKey: str | None
    shipmentDate: str | None
    contactPerson: str | None
    lines: "list[SalesLineItem] | None"
    currencyKey: str | None
    currencyRate: str | None
    shipmentOrderKey: str | None
    shipmentAddress: "Address | None"
    billingAddress: "Address | None"
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class ServiceRequest(TypedDict, total=False):
    """A report of a fault or need that may become a work order."""

    key: str | None
    siteKey: str | None
    locationKey: str | None
    storeroomKey: str | None
    assetKey: str | None
    workOrderKey: str | None
    teamKey: str | None
    userRequestedKey: str | None
    userApprovedKey: str | None
    laborAssignedKey: str | None
    documents: "list[Document] | None"
    title: str | None
    description: str | None
    statusKey: str | None
    severity: str | None
    estimatedTime: str | None
    roleName: str | None
    categoryName: str | None
    notes: str | None
    approvedAt: str | None
    dueAt: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class ShipmentOrder(TypedDict, total=False):
    """An order to ship goods out."""

    key: str | None
    userKey: str | None
    customerKey: str | None
    vendorKey: str | None
    orderNumber: str | None
    shipmentNumber: str | None
    date: str | None
    statusKey: str | None
    lineItems: "list[StockLineItem] | None"
    destinationAddress: "list[Address] | None"
    carrierName: str | None
    shippingMethod: str | None
    notes: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Site(TypedDict, total=False):
    """A plant, vessel or building of an organization."""

    key: str | None
    organizationKey: str | None
    name: str | None
    code: str | None
    description: str | None
    contact: "Contact | None"
    customerKey: str | None
    lat: str | None
    lng: str | None
    address: "Address | None"
    billingAddress: "Address | None"
    properties: Any
    notes: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Status(TypedDict, total=False):
    """A state that records of one scope can be in, as the source names it."""

    key: str | None
    organizationKey: str | None
    parentKey: str | None
    name: str | None
    code: str | None
    subCode: str | None
    scope: str | None
    isActive: bool | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Stock(TypedDict, total=False):
    """The quantity of an item in one place, and its reorder levels."""

    key: str | None
    productKey: str | None
    materialKey: str | None
    locationKey: str | None
    storeroomKey: str | None
    assetKey: str | None
    position: str | None
    uomKey: str | None
    quantity: int | float | None
    reorderPoint: str | None
    expiresAt: str | None
    reorderQuantity: int | float | None
    minLevel: int | float | None
    maxLevel: int | float | None
    reorderLevel: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class StockAdjustment(TypedDict, total=False):
    """A correction of stock, as after a count."""

    key: str | None
    locationKey: str | None
    storeroomKey: str | None
    userKey: str | None
    date: str | None
    reason: str | None
    lineItems: "list[StockLineItem] | None"
    adjustmentNumber: str | None
    total: int | float | None
    type: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class StockLineItem(TypedDict, total=False):
    """A line of a transfer, adjustment or shipment."""

    productKey: str | None
    materialKey: str | None
    quantity: str | None
    locationKey: str | None
    storeroomKey: str | None


class StockTransfer(TypedDict, total=False):
    """Stock moved from one place to another."""

    key: str | None
    organizationKey: str | None
    shipmentOrderKey: str | None
    fromLocationKey: str | None
    toLocationKey: str | None
    fromStoreroomKey: str | None
    toStoreroomKey: str | None
    statusKey: str | None
    code: str | None
    date: str | None
    lineItems: "list[StockLineItem] | None"
    orderNumber: str | None
    shipmentNumber: str | None
    shipmentAddress: "Address | None"
    shipmentRequired: bool | None
    shippingMethod: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Storeroom(TypedDict, total=False):
    """A store or warehouse that holds stock; storerooms nest."""

    key: str | None
    parentKey: str | None
    siteKey: str | None
    locationKey: str | None
    userManagerKey: str | None
    code: str | None
    name: str | None
    type: str | None
    description: str | None
    priority: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class SupplyOption(TypedDict, total=False):
    """One way to buy an item: vendor, part number, price."""

    vendorKey: str | None
    partNumber: str | None
    price: int | float | None
    uomKey: str | None
    currencyKey: str | None
    uomQuantity: str | None
    makePartNumber: str | None
    reorderPoint: str | None
    createdAt: str | None
    updatedAt: str | None


class Task(TypedDict, total=False):
    """A step of a work order or plan; tasks nest."""

    key: str | None
    parentKey: str | None
    code: str | None
    title: str | None
    description: str | None
    priority: str | None
    checkList: Any


class Tax(TypedDict, total=False):
    """A tax that can be applied to products and lines; the percentage is 20 for 20 %."""

    key: str | None
    organizationKey: str | None
    name: str | None
    type: str | None
    taxPercentage: str | None
    isActive: bool | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Team(TypedDict, total=False):
    """A crew or work group."""

    key: str | None
    accountKey: str | None
    code: str | None
    name: str | None
    description: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    organizationKey: str | None
    customFields: Any


class UnitOfMeasure(TypedDict, total=False):
    """A unit, with its rate to the base unit of the same kind."""

    key: str | None
    name: str | None
    code: str | None
    rateBaseKey: str | None
    rate: str | None
    isActive: bool | None
    customFields: Any


class User(TypedDict, total=False):
    """A person who signs in to the source system."""

    key: str | None
    organizationKey: str | None
    siteKeys: list[str] | None
    locationKeys: list[str] | None
    name: str | None
    roleName: str | None
    description: str | None
    notes: str | None
    isActive: bool | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Vendor(TypedDict, total=False):
    """A supplier of goods or services."""

    key: str | None
    name: str | None
    code: str | None
    companyKey: str | None
    organizationKey: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class Work(TypedDict, total=False):
    """Hours and cost of one labor, vendor or team, planned and booked."""

    laborKey: str | None
    vendorKey: str | None
    assetKey: str | None
    teamKey: str | None
    poKey: str | None
    poLineItemKey: str | None
    accountKey: str | None
    name: str | None
    description: str | None
    estimatedTime: int | float | None
    registeredTime: int | float | None
    rate: str | None
    cost: str | None
    startedAt: str | None
    finishedAt: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None


class WorkOrder(TypedDict, total=False):
    """An order to do maintenance work, with its tasks, labor and materials."""

    key: str | None
    parentKey: str | None
    locationKey: str | None
    siteKey: str | None
    assetKey: str | None
    accountKey: str | None
    title: str | None
    serviceRequestKey: str | None
    code: str | None
    pmKey: str | None
    teamKey: str | None
    laborAssignedKey: str | None
    userApprovedKey: str | None
    assetDowntimeKey: str | None
    organizationKey: str | None
    instructions: str | None
    status: str | None
    statusKey: str | None
    severity: str | None
    estimatedTime: str | None
    roleName: str | None
    categoryName: str | None
    storeroomKey: str | None
    notes: str | None
    approvedAt: str | None
    dueAt: str | None
    scheduledAt: str | None
    actualTime: str | None
    completedAt: str | None
    completionRemarks: str | None
    tasks: "list[Task] | None"
    documents: "list[Document] | None"
    resources: "list[Work] | None"
    materialCount: str | None
    createdAt: str | None
    updatedAt: str | None
    deletedAt: str | None
    customFields: Any


class WorkTrigger(TypedDict, total=False):
    """What makes a preventive maintenance plan fall due: time or a meter."""

    uomKey: str | None
    type: str | None
    interval: str | None
    recurring: bool | None
    condition: str | None


PATHS: Mapping[str, str] = {
    "Account": "eam/accounts",
    "Asset": "eam/assets",
    "AssetDowntime": "eam/assets-downtime",
    "BillOfMaterial": "erp/bom",
    "Company": "eam/companies",
    "Counter": "eam/meters",
    "CounterReading": "eam/meter-readings",
    "Currency": "erp/currencies",
    "Customer": "eam/customers",
    "Document": "eam/documents",
    "ExchangeRate": "erp/exchange-rates",
    "Fulfillment": "erp/fulfillments",
    "Inventory": "eam/inventories",
    "Invoice": "erp/invoices",
    "Labor": "eam/labors",
    "LineItem": "eam/purchase-orders.line-items",
    "Location": "eam/locations",
    "Model": "eam/asset-templates",
    "Organization": "eam/organizations",
    "Part": "eam/materials",
    "PreventiveMaintenance": "eam/pm",
    "Product": "erp/products",
    "ProductGroup": "wms/groups",
    "ProductionOrder": "erp/production-orders",
    "Project": "erp/projects",
    "PurchaseOrder": "eam/purchase-orders",
    "PurchaseRequisition": "erp/purchase-requisitions",
    "Receipt": "erp/receipts",
    "Receiving": "erp/receiving",
    "RequestForQuotation": "erp/rfq",
    "ReturnOrder": "eam/return-orders",
    "SalesOrder": "erp/sales-orders",
    "ServiceRequest": "eam/service-requests",
    "ShipmentOrder": "wms/shipment-orders",
    "Site": "eam/sites",
    "Stock": "eam/stocks",
    "StockAdjustment": "wms/stock-adjustments",
    "StockTransfer": "erp/stock-transfers",
    "Storeroom": "eam/storerooms",
    "Tax": "erp/taxes",
    "Team": "eam/teams",
    "UnitOfMeasure": "eam/uom",
    "User": "eam/users",
    "Vendor": "eam/vendors",
    "WorkOrder": "eam/work-orders",
}
"""Where the entities with a list of their own are."""
