/** Customers: who they are, their identities, consents and stages, their profile, and their erasure. */
import type { Type } from '@nestjs/common';
import type { Slice } from '@timeline/composing';
import { CustomerDirectory, StepRecorder } from '@timeline/deciding';
import { StandardsInForce } from '@timeline/standards';
import { AnonymousCustomers } from './anonymous-customers.js';
import { CompaniesCommandController, CompaniesQueryController } from './companies/companies.controller.js';
import { companyPeople } from './companies/company-people.projection.js';
import { joinCompany, JoinCompanyHandler } from './companies/join-company.command.js';
import { leaveCompany, LeaveCompanyHandler } from './companies/leave-company.command.js';
import { ListPeopleHandler } from './companies/list-people.query.js';
import { addIdentity, AddIdentityHandler } from './commands/add-identity.command.js';
import { changeConsent, ChangeConsentHandler } from './commands/change-consent.command.js';
import { changePreferences, ChangePreferencesHandler } from './commands/change-preferences.command.js';
import { changeLifecycleStage, ChangeLifecycleStageHandler } from './commands/change-lifecycle-stage.command.js';
import { eraseCustomer, EraseCustomerHandler } from './commands/erase-customer.command.js';
import { registerCustomer, RegisterCustomerHandler } from './commands/register-customer.command.js';
import { CustomerRows, ImportCustomerHandler } from './commands/import-customer.command.js';
import { removeIdentity, RemoveIdentityHandler } from './commands/remove-identity.command.js';
import { updateCustomer, UpdateCustomerHandler } from './commands/update-customer.command.js';
import { verifyField, VerifyFieldHandler } from './commands/verify-field.command.js';
import { StreamCustomerDirectory } from './customer-directory.js';
import { CustomersCommandController, CustomersQueryController } from './customers.controller.js';
import {
  acceptEnrichment,
  AcceptEnrichmentHandler,
  proposeEnrichment,
  ProposeEnrichmentHandler,
  rejectEnrichment,
  RejectEnrichmentHandler,
} from './enrichment/enrich-customer.command.js';
import { ENRICHMENT_PROVIDERS, type EnrichmentProvider } from './enrichment/enrichment-provider.port.js';
import { EnrichmentCommandController, EnrichmentQueryController } from './enrichment/enrichment.controller.js';
import { enrichmentsProjection } from './enrichment/enrichments.projection.js';
import { ListEnrichmentsHandler } from './enrichment/list-enrichments.query.js';
import { FreshnessCommandController, FreshnessQueryController } from './freshness/freshness.controller.js';
import { freshnessPoliciesProjection } from './freshness/freshness-policies.projection.js';
import { freshnessProjection } from './freshness/freshness.projection.js';
import { freshnessPublicEvents } from './freshness/freshness.public-events.js';
import { ListFreshnessPoliciesHandler, ListReviewsHandler } from './freshness/freshness.query.js';
import { FreshnessReaction } from './freshness/freshness.reaction.js';
import { AsRecorded, Memberships } from './freshness/memberships.port.js';
import {
  endFreshnessPolicy,
  EndFreshnessPolicyHandler,
  setFreshnessPolicy,
  SetFreshnessPolicyHandler,
} from './freshness/set-freshness-policy.command.js';
import { customersPublicEvents } from './customers.public-events.js';
import { CustomersSettings, customersSettings, type CustomersOptions } from './customers-settings.js';
import { ErasureCertificates } from './erasure-certificates.js';
import { Erasures } from './erasures.js';
import { IdentityRegistry } from './identities/identity-registry.js';
import { CustomerImports } from './imports/customer-imports.js';
import { ImportsController } from './imports/imports.controller.js';
import { KnownCustomers } from './known-customers.js';
import { erasureProjection } from './projections/erasure.projection.js';
import { identityClaimsProjection } from './projections/identity-claims.projection.js';
import { GetPermissionHandler } from './permissions/permission.query.js';
import { profileProjection } from './projections/profile.projection.js';
import { provenanceProjection } from './projections/provenance.projection.js';
import { ProvenanceCommandController, ProvenanceQueryController } from './provenance/provenance.controller.js';
import { ListSaidHandler } from './provenance/provenance.query.js';
import { Reverts } from './provenance/reverts.js';
import { measureQuality, MeasureQualityHandler, QualityMeasurements } from './quality/measure-quality.command.js';
import { QualityCommandController, QualityQueryController } from './quality/quality.controller.js';
import { qualityDaysProjection } from './quality/quality-days.projection.js';
import { QualityMetrics } from './quality/quality.metrics.js';
import { QualityWatch } from './quality/quality-watch.js';
import { RecordQualities } from './quality/record-quality.js';
import { GetQualityHandler } from './quality/record-quality.query.js';
import { suspicionsProjection } from './quality/suspicions.projection.js';
import { GetCustomerHandler } from './queries/get-customer.query.js';
import { GetCustomerAsOfHandler } from './queries/get-customer-as-of.query.js';
import { GetErasureHandler } from './queries/get-erasure.query.js';
import { ListCustomersHandler } from './queries/list-customers.query.js';
import { ErasureReaction } from './reactions/erasure.reaction.js';
import { IdentityClaimsReaction } from './reactions/identity-claims.reaction.js';

/**
 * `enrichmentProviders`: who can be asked about customers. `memberships`: who knows whether those recorded still hold.
 * @throws FaultError CONFIG_INVALID when the region has no phone numbers
 */
export const customersSlice = ({
  enrichmentProviders = [],
  memberships = AsRecorded,
  ...options
}: CustomersOptions & {
  enrichmentProviders?: readonly EnrichmentProvider[];
  memberships?: Type<Memberships>;
}): Slice => ({
  name: 'customers',
  commandTypes: [
    registerCustomer,
    updateCustomer,
    addIdentity,
    removeIdentity,
    changeConsent,
    changePreferences,
    changeLifecycleStage,
    joinCompany,
    leaveCompany,
    verifyField,
    eraseCustomer,
    setFreshnessPolicy,
    endFreshnessPolicy,
    measureQuality,
    proposeEnrichment,
    acceptEnrichment,
    rejectEnrichment,
  ],
  commandProviders: [
    { provide: CustomersSettings, useValue: customersSettings(options) },
    StandardsInForce,
    IdentityRegistry,
    AnonymousCustomers,
    KnownCustomers,
    Erasures,
    ErasureCertificates,
    { provide: CustomerDirectory, useClass: StreamCustomerDirectory },
    StepRecorder,
    RegisterCustomerHandler,
    UpdateCustomerHandler,
    AddIdentityHandler,
    RemoveIdentityHandler,
    ChangeConsentHandler,
    ChangePreferencesHandler,
    ChangeLifecycleStageHandler,
    JoinCompanyHandler,
    LeaveCompanyHandler,
    VerifyFieldHandler,
    EraseCustomerHandler,
    SetFreshnessPolicyHandler,
    EndFreshnessPolicyHandler,
    { provide: Memberships, useClass: memberships },
    { provide: ENRICHMENT_PROVIDERS, useValue: enrichmentProviders },
    ProposeEnrichmentHandler,
    AcceptEnrichmentHandler,
    RejectEnrichmentHandler,
    RecordQualities,
    QualityMeasurements,
    MeasureQualityHandler,
    CustomerRows,
    ImportCustomerHandler,
    CustomerImports,
    Reverts,
  ],
  commandControllers: [
    CustomersCommandController,
    CompaniesCommandController,
    ImportsController,
    ProvenanceCommandController,
    FreshnessCommandController,
    QualityCommandController,
    EnrichmentCommandController,
  ],
  queryProviders: [
    GetCustomerHandler,
    GetCustomerAsOfHandler,
    GetPermissionHandler,
    ListCustomersHandler,
    GetErasureHandler,
    ListSaidHandler,
    ListPeopleHandler,
    ListFreshnessPoliciesHandler,
    ListReviewsHandler,
    GetQualityHandler,
    ListEnrichmentsHandler,
  ],
  queryControllers: [
    CustomersQueryController,
    CompaniesQueryController,
    ProvenanceQueryController,
    FreshnessQueryController,
    QualityQueryController,
    EnrichmentQueryController,
  ],
  projections: [
    profileProjection,
    identityClaimsProjection,
    erasureProjection,
    provenanceProjection,
    companyPeople,
    freshnessProjection,
    freshnessPoliciesProjection,
    suspicionsProjection,
    qualityDaysProjection,
    enrichmentsProjection,
  ],
  reactions: [IdentityClaimsReaction, ErasureReaction, FreshnessReaction],
  followers: [QualityWatch],
  metricSources: [QualityMetrics],
  publicEvents: [customersPublicEvents, freshnessPublicEvents],
});

export type { Enrichment, EnrichmentProvider } from './enrichment/enrichment-provider.port.js';
export { carryOutErasures } from './erasures.js';
export { freshnessPoliciesProjection } from './freshness/freshness-policies.projection.js';
export { Memberships, type Membership } from './freshness/memberships.port.js';
export { profileProjection } from './projections/profile.projection.js';
export type { Profile } from './projections/profile-document.js';
export { registerCustomer, RegisterCustomerData } from './commands/register-customer.command.js';
export { eraseCustomer } from './commands/erase-customer.command.js';
export { CustomerImports, type ImportNews, type ImportSummary } from './imports/customer-imports.js';
export { IMPORT_FORMATS, type CellError, type ImportFormat } from './imports/import-rows.js';
export { RevertBody } from './provenance/provenance.controller.js';
export { ListSaid, ProvenanceParams } from './provenance/provenance.query.js';
export { isColumnMap, type ColumnMap } from './imports/import-columns.js';
