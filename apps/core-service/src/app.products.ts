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

/** The partner's side of the catalogue. */
export const PRODUCTS = {
  controllers: [ProductsController, StockController, ImportsController, SellersConsumer],
  providers: [
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
