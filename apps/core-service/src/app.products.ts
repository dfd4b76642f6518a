import { CatalogueController } from './catalogue/catalogue.controller.js'
import { CatalogueRepository } from './catalogue/catalogue.repository.js'
import { CatalogueService } from './catalogue/catalogue.service.js'
import { ProductCache } from './catalogue/product-cache.js'
import { SearchRepository } from './catalogue/search.repository.js'
import { SearchService } from './catalogue/search.service.js'
import { ImportsController } from './products/imports.controller.js'
import { ImportsRepository } from './products/imports.repository.js'
import { ImportsService } from './products/imports.service.js'
import { PartnerWrites } from './products/partner-writes.js'
import { ProductsController } from './products/products.controller.js'
import { ProductsRepository } from './products/products.repository.js'
import { ProductsService } from './products/products.service.js'
import { SellersConsumer } from './products/sellers.consumer.js'
import { SellersRepository } from './products/sellers.repository.js'
import { SellersService } from './products/sellers.service.js'
import { StockController } from './products/stock.controller.js'
import { StockService } from './products/stock.service.js'

/** The catalogue: what everybody sees, and the partner's side. */
export const PRODUCTS = {
  controllers: [CatalogueController, ProductsController, StockController, ImportsController, SellersConsumer],
  providers: [
    CatalogueRepository,
    ProductCache,
    CatalogueService,
    SearchRepository,
    SearchService,
    SellersRepository,
    SellersService,
    ProductsRepository,
    PartnerWrites,
    ProductsService,
    StockService,
    ImportsRepository,
    ImportsService,
  ],
}
