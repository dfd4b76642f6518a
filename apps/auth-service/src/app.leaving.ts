import { ErasureSweep } from './erasure/erasure-sweep.js'
import { ErasureConsumer } from './erasure/erasure.consumer.js'
import { ErasureController } from './erasure/erasure.controller.js'
import { ErasureRepository } from './erasure/erasure.repository.js'
import { ErasureService } from './erasure/erasure.service.js'
import { LeavingPagesController } from './erasure/leaving-pages.controller.js'
import { PersonArtifactsRepository } from './erasure/person-artifacts.repository.js'
import { ExportPagesController } from './exports/export-pages.controller.js'
import { ExportsController } from './exports/exports.controller.js'
import { ExportsRepository } from './exports/exports.repository.js'
import { ExportsService } from './exports/exports.service.js'
import { ExportsWorker } from './exports/exports.worker.js'
import { PeopleClient } from './exports/people.client.js'
import { PersonRepository } from './exports/person.repository.js'

/** What a person who leaves takes along, and what goes with them: exports and erasures. */
export const LEAVING = {
  controllers: [ErasureController, ErasureConsumer, ExportsController, ExportPagesController, LeavingPagesController],
  providers: [
    ErasureRepository,
    PersonArtifactsRepository,
    ErasureService,
    ErasureSweep,
    ExportsRepository,
    PersonRepository,
    PeopleClient,
    ExportsService,
    ExportsWorker,
  ],
}
