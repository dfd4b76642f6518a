import { ErasureSweep } from './people/erasure-sweep.js'
import { PeopleConsumer } from './people/people.consumer.js'
import { PeopleController } from './people/people.controller.js'
import { PeopleRepository } from './people/people.repository.js'
import { PeopleService } from './people/people.service.js'

/** What there is of people, and how it goes. */
export const PEOPLE = {
  controllers: [PeopleController, PeopleConsumer],
  providers: [PeopleRepository, PeopleService, ErasureSweep],
}
