import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { DesiredAlertingSpec } from '../../alerting-backend/alerting-driver.js';
import { Clock } from '../../platform/clock.js';
import { updateConditions, type Condition } from '../../platform/conditions.js';
import { DomainError } from '../../platform/errors.js';
import { ObjectId } from '../../platform/http/object-id.js';
import { QueryParams } from '../../platform/http/query-params.js';
import { DRIVER_REGISTRY, driverEntry } from '../driver-registry.js';
import { Driver, type DriverEntry } from '../driver.js';
import {
  DriverDto,
  DriverListDto,
  DriverWorkloadListDto,
  ManifestListDto,
  ManifestQueryDto,
} from './drivers.dto.js';

/** Which driver runs things, what it can, and what it runs. */
@ApiTags('drivers')
@Controller('/api/v1/drivers')
export class DriversController {
  #conditions: Condition[] = [];

  constructor(
    private readonly driver: Driver,
    private readonly desired: DesiredAlertingSpec,
    private readonly clock: Clock,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List drivers' })
  @ApiOkResponse({ type: DriverListDto })
  async list(): Promise<DriverListDto> {
    return { items: await Promise.all(DRIVER_REGISTRY.map((entry) => this.#read(entry))), next: null };
  }

  @Get(':name')
  @ApiOperation({ summary: 'Read a driver and its preconditions' })
  @ApiOkResponse({ type: DriverDto })
  get(@ObjectId('name') name: string): Promise<DriverDto> {
    return this.#read(driverEntry(name));
  }

  @Get(':name/workloads')
  @ApiOperation({ summary: 'What the driver runs now' })
  @ApiOkResponse({ type: DriverWorkloadListDto })
  async workloads(@ObjectId('name') name: string): Promise<DriverWorkloadListDto> {
    this.#requireSelected(name);
    return { items: await this.driver.workloads(), next: null };
  }

  @Get(':name/manifests')
  @ApiOperation({ summary: 'What the driver would apply: processes or Kubernetes objects, without secrets' })
  @ApiOkResponse({ type: ManifestListDto })
  async manifests(
    @ObjectId('name') name: string,
    @QueryParams() _query: ManifestQueryDto,
  ): Promise<ManifestListDto> {
    this.#requireSelected(name);
    const spec = await this.desired.desiredSpec();
    const manifests = spec ? (await this.driver.alerting.plan(spec)).manifests : [];
    return { items: manifests as object[], next: null };
  }

  async #read({ name, description, backends }: DriverEntry): Promise<DriverDto> {
    const selected = name === this.driver.name;
    if (selected) {
      this.#conditions = updateConditions(
        this.#conditions,
        await this.driver.conditions(),
        this.clock.timestamp(),
      );
    }
    return { name, description, selected, backends, conditions: selected ? this.#conditions : [] };
  }

  #requireSelected(name: string): void {
    driverEntry(name);
    if (name === this.driver.name) return;
    throw new DomainError({
      category: 'conflict',
      code: 'driver-not-selected',
      detail: `The driver "${name}" runs nothing: "${this.driver.name}" is selected.`,
    });
  }
}
