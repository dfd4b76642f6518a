import { Controller, Get, Param, Query } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { idSchema, PersonQuery, type PersonPage, type UserId } from '@catamaran/contracts'
import { Anonymous } from '@catamaran/platform'
import { PeopleService } from './people.service.js'

const PersonId = idSchema('user')

/** For auth-service alone, by the call table: an export is gathered when its person is no longer there. */
@ApiExcludeController()
@Controller('internal/people')
export class PeopleController {
  constructor(private readonly people: PeopleService) {}

  @Get(':id')
  @Anonymous()
  read(@Param('id', { schema: PersonId }) id: UserId, @Query({ schema: PersonQuery }) query: PersonQuery): Promise<PersonPage> {
    return this.people.read(id, query)
  }
}
