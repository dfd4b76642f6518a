// The job `keys` of docker-compose.yml.
import { writeContainerKeys } from './container-keys.js'

await writeContainerKeys('/keys', 'postgres:5432')
